// Arrays of a composite type of the extension, built from C++ structures: how rows travel into a statement.
#pragma once

#include "pg/observation.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "funcapi.h"
}

namespace msgstatus {

// type_of_extension returns the OID of a type in the schema msgstatus; raises undefined_object (42704) where it is not.
Oid type_of_extension(const char *name);

// A row of a composite type, filled column by column in the order of the type.
class RowBuilder {
public:
    static constexpr int max_columns = 32;

    void start() { column_ = 0; }

    void put(Datum value) {
        values_[column_] = value;
        nulls_[column_++] = false;
    }
    void put_null() {
        values_[column_] = 0;
        nulls_[column_++] = true;
    }
    void put_text(Text text) {
        if (text.empty())
            return put_null();
        put(PointerGetDatum(text_of(text)));
    }
    void put_time(EventTime time) { put(TimestampTzGetDatum(time)); }
    void put_optional(const std::optional<int> &value) {
        if (!value)
            return put_null();
        put(Int32GetDatum(*value));
    }
    void put_optional(const std::optional<bool> &value) {
        if (!value)
            return put_null();
        put(BoolGetDatum(*value));
    }
    void put_pointer(const void *value) {
        if (value == nullptr)
            return put_null();
        put(PointerGetDatum(value));
    }

    void put_error(const ErrorInfo &error) {
        put_optional(error.code);
        put_text(error.title);
        put_text(error.details);
    }

    int columns() const { return column_; }
    Datum *values() { return values_.data(); }
    bool *nulls() { return nulls_.data(); }

private:
    std::array<Datum, max_columns> values_;
    std::array<bool, max_columns> nulls_;
    int column_ = 0;
};

// A composite type of the extension, looked up once in a backend's life and again after it changed.
class CompositeType {
public:
    explicit CompositeType(const char *name) : name_(name) {}

    // The array type's OID, for the parameter of a statement.
    Oid array_oid();

    // types_of tells the types of columns, counted from 0.
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
            Assert(row.columns() == description->natts);
            rows[count++] = HeapTupleGetDatum(heap_form_tuple(description, row.values(), row.nulls()));
        }
        return finish(description, rows, count);
    }

private:
    TupleDesc open();
    Datum finish(TupleDesc description, Datum *rows, std::size_t count);

    const char *name_;
    Oid type_ = InvalidOid;
};

} // namespace msgstatus
