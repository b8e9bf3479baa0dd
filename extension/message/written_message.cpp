#include "message/written_message.hpp"

#include "core/status_text.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace msgstatus {
namespace {

class Columns {
public:
    Columns(const Datum *values, const bool *nulls) : values_(values), nulls_(nulls) {}

    bool next_is_null() const { return nulls_[column_]; }
    Datum next() { return values_[column_++]; }
    Text next_text() { return next_is_null() ? skip<Text>() : view_of(DatumGetTextPP(next())); }
    template <typename T>
    T skip() {
        ++column_;
        return {};
    }

private:
    const Datum *values_;
    const bool *nulls_;
    int column_ = 0;
};

// The value of `replaced` is this library's own, so what it does not understand is damage.
[[noreturn]] void raise_damaged() {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid value in msgstatus.message.replaced")));
}

Status status_of_text(Text text) {
    const ParsedStatus parsed = parse_status(text);
    if (parsed.error != StatusTextError::none)
        raise_damaged();
    return parsed.status;
}

Counted counted_of_replaced(Datum replaced) {
    Datum *values = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(replaced), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
    if (count != 8 || nulls[0])
        raise_damaged();
    Columns columns(values, nulls);
    Counted counted;
    counted.status = status_of_text(columns.next_text());
    counted.provider = columns.next_text();
    counted.sender = columns.next_text();
    counted.recipient = columns.next_text();
    counted.message_type = columns.next_text();
    counted.direction = columns.next_text();
    if (columns.next_is_null())
        columns.skip<int>();
    else
        counted.campaign_id =
            DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(TextDatumGetCString(columns.next()))));
    if (!columns.next_is_null())
        counted.error_code =
            DatumGetInt32(DirectFunctionCall1(int4in, CStringGetDatum(TextDatumGetCString(columns.next()))));
    return counted;
}

} // namespace

WrittenMessage written_message(const Datum *values, const bool *nulls) {
    Columns columns(values, nulls);
    WrittenMessage written;
    written.message_id = columns.next_text();
    written.last_change = static_cast<std::uint32_t>(DatumGetInt32(columns.next()));
    written.replaced = !columns.next_is_null();
    const Datum replaced = columns.next();
    written.created_at = DatumGetTimestampTz(columns.next());
    Counted &after = written.after;
    after.status = status_of_datum(columns.next());
    after.provider = columns.next_text();
    after.sender = columns.next_text();
    after.recipient = columns.next_text();
    after.message_type = columns.next_text();
    after.direction = columns.next_text();
    after.campaign_id = columns.next_is_null() ? columns.skip<const pg_uuid_t *>() : DatumGetUUIDP(columns.next());
    if (!columns.next_is_null())
        after.error_code = DatumGetInt32(columns.next());
    if (written.is_inserted())
        return written;
    if (written.replaced) {
        written.before = counted_of_replaced(replaced);
    } else {
        written.before = after;
        written.before.status.present &= static_cast<StateSet>(~written.added_states());
    }
    return written;
}

} // namespace msgstatus
