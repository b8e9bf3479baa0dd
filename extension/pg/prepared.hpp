// A statement that is prepared once in a backend's life.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace msgstatus {

// The tables in it are looked up by their keys, in the order of the rows given. Left to itself, the planner would scan
// a table that was nearly empty when the plan was made and no longer is, for as long as the plan lives; and a join by
// hash would lock rows in an order of its own.
class PreparedStatement {
public:
    PreparedStatement() = default;
    // The text must live as long as the backend.
    explicit PreparedStatement(const char *sql) : sql_(sql) {}

    // execute runs the statement within SPI; its parameter is an array of rows, of the type.
    void execute(Oid type, Datum rows);

private:
    void prepare(Oid type);
    void run(Datum rows);

    static constexpr int none_yet = -1;

    const char *sql_ = nullptr;
    SPIPlanPtr plan_ = nullptr;
    // What the plan was made for.
    Oid type_ = InvalidOid;
    // Which of the plans that were made since is ours.
    int generation_ = none_yet;
};

} // namespace msgstatus
