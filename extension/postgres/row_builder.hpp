// Builds one row, column by column.
#pragma once

#include "core/event_time.hpp"
#include "postgres/postgres.hpp"

namespace msgstatus {

// A row of a composite type, filled in the order of the columns.
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

    int columns() const { return column_; }
    Datum *values() { return values_.data(); }
    bool *nulls() { return nulls_.data(); }

private:
    std::array<Datum, max_columns> values_;
    std::array<bool, max_columns> nulls_;
    int column_ = 0;
};

} // namespace msgstatus
