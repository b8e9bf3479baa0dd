// Builds arrays of a composite type of the extension from C++ structures. Statements take their rows as such arrays.
#pragma once

#include "postgres/row_builder.hpp"
#include "postgres/row_shape.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "funcapi.h"
}

namespace msgstatus {

// A composite type of the extension. A backend looks the type up and checks it once, and again after each change. Every
// member raises what check_columns raises if the type does not have the columns that the code fills.
class CompositeType {
public:
    constexpr CompositeType(const char *name, std::span<const ColumnShape> columns) : name_(name), columns_(columns) {}

    void check() {
        const TupleDesc description = open();
        ReleaseTupleDesc(description); // a macro that evaluates its argument twice
    }

    // Returns the OID of the array type, for the parameter of a statement.
    Oid array_oid();

    // Puts the types of the columns, counted from 0 without dropped columns, into `types`.
    void types_of(std::span<const std::size_t> columns, std::span<Oid> types);

    // Returns an array with one row for each item; fill(row, item) puts the columns.
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
    // The identifier that PostgreSQL gives to this definition of the type; 0 before the first check.
    std::uint64_t checked_ = 0;
};

} // namespace msgstatus
