#include "message/written_message.hpp"

#include <charconv>

#include "core/status_text.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace msgstatus {
namespace {

// The value of `replaced` is this library's own, so what it does not understand is damage.
[[noreturn]] void raise_damaged() {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid value in msgstatus.message.replaced")));
}

Datum from_text(PGFunction input, Datum value) {
    return DirectFunctionCall1(input, CStringGetDatum(TextDatumGetCString(value)));
}

Counted counted_of_replaced(Datum replaced) {
    Datum *values = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(replaced), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
    if (count != static_cast<int>(counted_columns.size()) || nulls[0])
        raise_damaged();
    Counted counted;
    for (std::size_t i = 0; i < counted_columns.size(); ++i)
        if (!nulls[i])
            counted_columns[i].read_text(counted, values[i]);
    return counted;
}

} // namespace

namespace counted_column {

void read_status(Counted &counted, Datum value) {
    counted.status = status_of_datum(value);
}

void read_status_text(Counted &counted, Datum value) {
    const ParsedStatus parsed = parse_status(view_of(DatumGetTextPP(value)));
    if (parsed.error != StatusTextError::none)
        raise_damaged();
    counted.status = parsed.status;
}

void read_campaign(Counted &counted, Datum value) {
    counted.campaign_id = DatumGetUUIDP(value);
}

void read_campaign_text(Counted &counted, Datum value) {
    read_campaign(counted, from_text(uuid_in, value));
}

void read_error_code(Counted &counted, Datum value) {
    counted.error_code = DatumGetInt32(value);
}

void read_error_code_text(Counted &counted, Datum value) {
    read_error_code(counted, from_text(int4in, value));
}

void read_created_at(Counted &counted, Datum value) {
    counted.created_at = DatumGetTimestampTz(value);
}

// The hexadecimal digits of the binary form: the text of a time depends on settings of the session.
void read_created_at_text(Counted &counted, Datum value) {
    const Text digits = view_of(DatumGetTextPP(value));
    std::uint64_t time = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), time, 16);
    if (error != std::errc() || end != digits.data() + digits.size())
        raise_damaged();
    counted.created_at = static_cast<EventTime>(time);
}

} // namespace counted_column

void append_written_columns(StringInfo sql) {
    const char *separator = "";
    for (const ColumnShape &column : written_shape) {
        appendStringInfo(sql, "%sm.%s", separator, column.name);
        separator = ", ";
    }
}

void append_replaced_value(StringInfo sql) {
    const char *separator = "ARRAY[";
    for (const CountedColumn &column : counted_columns) {
        if (column.shape.type == TIMESTAMPTZOID)
            appendStringInfo(sql, "%spg_catalog.encode(pg_catalog.timestamptz_send(m.%s), 'hex')", separator,
                             column.shape.name);
        else
            appendStringInfo(sql, "%sm.%s%s", separator, column.shape.name,
                             column.shape.type == TEXTOID ? "" : "::text");
        separator = ", ";
    }
    appendStringInfoChar(sql, ']');
}

WrittenMessage written_message(const Datum *values, const bool *nulls) {
    WrittenMessage written;
    written.message_id = view_of(DatumGetTextPP(values[0]));
    written.last_change = static_cast<std::uint32_t>(DatumGetInt32(values[1]));
    written.replaced = !nulls[2];
    const std::size_t first = written_shape.size() - counted_columns.size();
    for (std::size_t i = 0; i < counted_columns.size(); ++i)
        if (!nulls[first + i])
            counted_columns[i].read(written.after, values[first + i]);
    if (written.is_inserted())
        return written;
    if (written.replaced) {
        written.before = counted_of_replaced(values[2]);
    } else {
        written.before = written.after;
        written.before.status.present &= static_cast<StateSet>(~written.added_states());
    }
    return written;
}

} // namespace msgstatus
