// Arrays of a composite type of the extension, built from C++ structures: how rows travel into a statement.
#pragma once

#include "postgres/row_builder.hpp"
#include "postgres/row_shape.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "funcapi.h"
}

namespace msgstatus {

// A composite type of the extension, looked up and checked once in a backend's life and again after it changed. Where
// it does not have the columns that are filled, every member raises what check_columns raises.
class CompositeType {
public:
    constexpr CompositeType(const char *name, std::span<const ColumnShape> columns) : name_(name), columns_(columns) {}

    void check() {
        const TupleDesc description = open();
        ReleaseTupleDesc(description); // a macro that evaluates its argument twice
    }

    // The array type's OID, for the parameter of a statement.
    Oid array_oid();

    // types_of returns the types of columns, counted from 0, dropped ones aside.
    void types_of(std::span<const std::size_t> columns, std::span<Oid> types);

    // array_of returns an array with a row for each item; fill(row, item) puts the columns.
    template <typename Items, typename Fill>
    Datum array_of(const Items &items, Fill fill) {
        TupleDesc description = open();
        auto *rows = static_cast<Datum *>(
            MemoryContextAllocHuge(CurrentMemoryContext, std::max<std::size_t>(items.size(), 1) * sizeof(Datum)));
        std::size_t count = 0;
        RowBuilder row;
        for (const auto &item : items) {
            row.start();
            fill(row, item);
            rows[count++] = HeapTupleGetDatum(form(description, row));
        }
        return finish(description, rows, count);
    }

private:
    TupleDesc open();
    HeapTuple form(TupleDesc description, RowBuilder &row) const;
    Datum finish(TupleDesc description, Datum *rows, std::size_t count);

    const char *name_;
    std::span<const ColumnShape> columns_;
    Oid type_ = InvalidOid;
    // By which PostgreSQL tells this definition of the type from others; 0 before the first check.
    std::uint64_t checked_ = 0;
};

} // namespace msgstatus
