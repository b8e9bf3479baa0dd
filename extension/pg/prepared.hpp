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

} // namespace msgstatus
