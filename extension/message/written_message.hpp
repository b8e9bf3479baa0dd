// What a write to a row of `message` returns: what the rollups count of it, as it was and as it is.
#pragma once

#include "core/last_change.hpp"
#include "observation/observation.hpp"
#include "postgres/row_shape.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace msgstatus {

// What the rollups count of a message.
struct Counted {
    Status status;
    Text provider;
    Text sender;
    Text recipient;
    Text message_type;
    Text direction;
    const pg_uuid_t *campaign_id = nullptr;
    std::optional<int> error_code;
    EventTime created_at = 0;
};

struct WrittenMessage {
    Text message_id;
    std::uint32_t last_change = 0;
    bool replaced = false;
    bool is_inserted() const { return (last_change & last_change_inserted) != 0; }
    StateSet added_states() const { return static_cast<StateSet>(last_change); }
    Counted before; // of no meaning where the row was inserted
    Counted after;
};

// A column that the rollups count by.
struct CountedColumn {
    ColumnShape shape;
    // Reads the value, which is not null, of the column itself, and of its text in `replaced`.
    void (*read)(Counted &, Datum) = nullptr;
    void (*read_text)(Counted &, Datum) = nullptr;
};

namespace counted_column {

template <auto member>
void read_text(Counted &counted, Datum value) {
    counted.*member = view_of(DatumGetTextPP(value));
}

template <auto member>
consteval CountedColumn text_column(const char *name) {
    return {{name, TEXTOID}, read_text<member>, read_text<member>};
}

void read_status(Counted &counted, Datum value);
void read_status_text(Counted &counted, Datum value);
void read_campaign(Counted &counted, Datum value);
void read_campaign_text(Counted &counted, Datum value);
void read_error_code(Counted &counted, Datum value);
void read_error_code_text(Counted &counted, Datum value);
void read_created_at(Counted &counted, Datum value);
void read_created_at_text(Counted &counted, Datum value);

} // namespace counted_column

// The one list of what the rollups count by: written_message reads the columns, and `replaced` holds them, as texts, in
// this order.
inline constexpr std::array counted_columns{
    CountedColumn{
        {"status", InvalidOid, "message_status"}, counted_column::read_status, counted_column::read_status_text},
    counted_column::text_column<&Counted::provider>("provider"),
    counted_column::text_column<&Counted::sender>("sender"),
    counted_column::text_column<&Counted::recipient>("recipient"),
    counted_column::text_column<&Counted::message_type>("message_type"),
    counted_column::text_column<&Counted::direction>("direction"),
    CountedColumn{{"campaign_id", UUIDOID}, counted_column::read_campaign, counted_column::read_campaign_text},
    CountedColumn{{"error_code", INT4OID}, counted_column::read_error_code, counted_column::read_error_code_text},
    CountedColumn{
        {"created_at", TIMESTAMPTZOID}, counted_column::read_created_at, counted_column::read_created_at_text},
};

// The columns that written_message reads, in their order.
inline constexpr auto written_shape = [] {
    constexpr std::array first{ColumnShape{"message_id", TEXTOID}, ColumnShape{"last_change", INT4OID},
                               ColumnShape{"replaced", TEXTARRAYOID}};
    std::array<ColumnShape, first.size() + counted_columns.size()> shape{};
    auto *next = std::copy(first.begin(), first.end(), shape.begin());
    for (const CountedColumn &column : counted_columns)
        *next++ = column.shape;
    return shape;
}();
inline constexpr int written_column_count = static_cast<int>(written_shape.size());

// Writes these columns of the table or alias `m` into a statement.
void append_written_columns(StringInfo sql);

// Writes the value that the column `replaced` gets: everything that may have changed of row `m`.
void append_replaced_value(StringInfo sql);

// Reads a row of the columns of written_shape. Texts point into the values.
WrittenMessage written_message(const Datum *values, const bool *nulls);

} // namespace msgstatus
