// A statement that a backend prepares once.
#pragma once

#include "postgres/postgres.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/snapshot.h"
}

namespace msgstatus {

// How the plan is made.
enum class Lookup : std::uint8_t {
    // By index on the keys, in the order of the given rows. The planner alone would keep scanning a table that was
    // nearly empty at planning time, and a hash join would lock rows in its own order.
    by_key,
    // As the planner decides: for tables without an index on the key.
    as_planned,
};

// The owner of the tables that a statement names.
enum class Tables : std::uint8_t {
    // A missing table or column means that the tables are of another version than the library. The error becomes
    // feature_not_supported (0A000), on which the receiver keeps its webhooks.
    of_msgstatus,
    of_a_user,
};

// Returns a snapshot, for SPI, of everything committed so far, even in a transaction that keeps its first snapshot
// (REPEATABLE READ).
Snapshot latest_snapshot();

// Makes every statement check its dependencies before it runs again. For changes that do not invalidate plans in
// PostgreSQL, such as changes of composite types.
void prepare_all_anew();

class PreparedStatement {
public:
    PreparedStatement() = default;
    // The text must live as long as the backend.
    explicit PreparedStatement(const char *sql, Lookup lookup = Lookup::by_key, Tables tables = Tables::of_msgstatus)
        : sql_(sql), lookup_(lookup), tables_(tables) {}

    // Runs the statement; requires an open SPI connection. The parameter is an array of rows of the given type. Without
    // a snapshot, the statement sees what other statements of the transaction see.
    void execute(Oid type, Datum rows, Snapshot snapshot = nullptr) {
        execute({&type, 1}, {&rows, 1}, nullptr, snapshot);
    }

    // Runs the statement with several parameters. `nulls` holds an 'n' for each NULL parameter; nullptr means that no
    // parameter is NULL.
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
    // The parameter types of the plan.
    std::array<Oid, max_parameters> types_{};
    std::size_t type_count_ = 0;
    // The value of the global renewal counter when this statement was prepared.
    std::uint64_t renewal_ = 0;
    // The generation of the plan that plan() made; PostgreSQL counts generations in the plan's source.
    int generation_ = none_yet;
};

} // namespace msgstatus
