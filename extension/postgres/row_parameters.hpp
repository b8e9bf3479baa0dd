// Passes a single row to a statement as one parameter per column. This is cheaper than an array of one row.
#pragma once

#include "postgres/composite_type.hpp"
#include "postgres/prepared_statement.hpp"

namespace msgstatus {

class RowParameters {
public:
    // The row must hold every column of the type.
    RowParameters(CompositeType &type, RowBuilder &row) : count_(static_cast<std::size_t>(row.columns())) {
        std::array<std::size_t, PreparedStatement::max_parameters> columns{};
        for (std::size_t i = 0; i < count_; ++i) {
            columns[i] = i;
            values_[i] = row.values()[i];
            nulls_[i] = row.nulls()[i] ? 'n' : ' ';
        }
        type.types_of(std::span(columns).first(count_), types_);
    }

    void execute(PreparedStatement &statement, Snapshot snapshot = nullptr) const {
        execute_first(count_, statement, snapshot);
    }

    // Runs the statement with one additional, last parameter.
    void execute_with(Oid type, Datum value, PreparedStatement &statement) {
        types_[count_] = type;
        values_[count_] = value;
        nulls_[count_] = ' ';
        execute_first(count_ + 1, statement, nullptr);
    }

private:
    void execute_first(std::size_t count, PreparedStatement &statement, Snapshot snapshot) const {
        statement.execute(std::span(types_).first(count), std::span(values_).first(count), nulls_.data(), snapshot);
    }

    std::size_t count_;
    std::array<Oid, PreparedStatement::max_parameters> types_{};
    std::array<Datum, PreparedStatement::max_parameters> values_{};
    std::array<char, PreparedStatement::max_parameters> nulls_{};
};

} // namespace msgstatus
