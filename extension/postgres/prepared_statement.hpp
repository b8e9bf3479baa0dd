// A statement that is prepared once in a backend's life.
#pragma once

#include "postgres/postgres.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/snapshot.h"
}

namespace msgstatus {

// How the plan is made.
enum class Lookup : std::uint8_t {
    // The tables are looked up by their keys, in the order of the rows given. Left to itself, the planner would scan a
    // table that was nearly empty when the plan was made and no longer is, for as long as the plan lives; and a join by
    // hash would lock rows in an order of its own.
    by_key,
    // As the planner thinks best: where there is no index on the key.
    as_planned,
};

// Whose tables a statement is about.
enum class Tables : std::uint8_t {
    // Where one, or its column, is missing, they are not of the version that the library works with: the error becomes
    // feature_not_supported (0A000), on which the receiver keeps its webhooks.
    of_msgstatus,
    of_a_user,
};

// latest_snapshot returns what SPI takes for a statement that must see everything committed so far even in a
// transaction that keeps its first snapshot (REPEATABLE READ).
Snapshot latest_snapshot();

// prepare_all_anew makes every statement look at what it depends on before it runs again: for changes of which
// PostgreSQL does not tell its plans, those of composite types among them.
void prepare_all_anew();

class PreparedStatement {
public:
    PreparedStatement() = default;
    // The text must live as long as the backend.
    explicit PreparedStatement(const char *sql, Lookup lookup = Lookup::by_key, Tables tables = Tables::of_msgstatus)
        : sql_(sql), lookup_(lookup), tables_(tables) {}

    // execute runs the statement within SPI; its parameter is an array of rows, of the type. It sees what other
    // statements of the transaction see, unless a snapshot is given.
    void execute(Oid type, Datum rows, Snapshot snapshot = nullptr) {
        execute({&type, 1}, {&rows, 1}, nullptr, snapshot);
    }

    // The same with several parameters; `nulls` holds an 'n' for each that is NULL, or is itself null where none is.
    void execute(std::span<const Oid> types, std::span<const Datum> values, const char *nulls = nullptr,
                 Snapshot snapshot = nullptr);

    static constexpr std::size_t max_parameters = 32;

private:
    bool is_prepared_for(std::span<const Oid> types) const;
    void prepare(std::span<const Oid> types);
    void plan();
    void run(std::span<const Datum> values, const char *nulls, Snapshot snapshot);

    static constexpr int none_yet = -1;

    const char *sql_ = nullptr;
    Lookup lookup_ = Lookup::by_key;
    Tables tables_ = Tables::of_msgstatus;
    SPIPlanPtr plan_ = nullptr;
    // What the plan was made for.
    std::array<Oid, max_parameters> types_{};
    std::size_t type_count_ = 0;
    // How often all were to be prepared anew when this one was.
    std::uint64_t renewal_ = 0;
    // Which of the plans that were made since is ours.
    int generation_ = none_yet;
};

} // namespace msgstatus
