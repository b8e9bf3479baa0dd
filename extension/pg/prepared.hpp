// A statement that is prepared once in a backend's life.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace msgstatus {

class PreparedStatement {
public:
    PreparedStatement() = default;
    // The text must live as long as the backend.
    explicit PreparedStatement(const char *sql) : sql_(sql) {}

    // execute runs the statement, within SPI, with the parameter of the type; returns the number of rows processed.
    std::uint64_t execute(Oid type, Datum parameter) { return execute({&type, 1}, {&parameter, 1}, nullptr); }

    // The same with several parameters, of which those may be null that are marked 'n' in `nulls`.
    std::uint64_t execute(std::span<const Oid> types, std::span<const Datum> parameters, const char *nulls);

private:
    const char *sql_ = nullptr;
    SPIPlanPtr plan_ = nullptr;
    // What the plan was made for.
    std::array<Oid, 4> types_{};
};

// A scope in which tables are looked up by their key, in the order of the rows given. Left to itself, the planner would
// scan a table that was nearly empty when the plan was made and no longer is, for as long as the plan lives; and a join
// by hash would lock rows in an order of its own. leave() must be called unless an error leaves by longjmp, which
// PostgreSQL's abort cleans up after.
class LookupByKey {
public:
    LookupByKey();
    void leave() const;

private:
    int guc_level_;
};

} // namespace msgstatus
