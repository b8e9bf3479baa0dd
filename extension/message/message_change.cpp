#include "message/message_change.hpp"

#include "message/known_events_datum.hpp"
#include "observation/error_columns.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace msgstatus {

namespace {

constexpr std::array message_change_shape{
    ColumnShape{"message_id", TEXTOID},
    ColumnShape{"fingerprints", INT8ARRAYOID},
    ColumnShape{"digests", INT4ARRAYOID},
    ColumnShape{"known_events", BYTEAOID},
    ColumnShape{"received_at", TIMESTAMPTZOID},
    ColumnShape{"status", InvalidOid, "message_status"},
    ColumnShape{"provider", TEXTOID},
    ColumnShape{"direction", TEXTOID},
    ColumnShape{"sender", TEXTOID},
    ColumnShape{"recipient", TEXTOID},
    ColumnShape{"message_type", TEXTOID},
    ColumnShape{"content", TEXTOID},
    ColumnShape{"media_url", TEXTOID},
    ColumnShape{"error_at", TIMESTAMPTZOID},
    ColumnShape{"error_code", INT4OID},
    ColumnShape{"error_title", TEXTOID},
    ColumnShape{"error_details", TEXTOID},
    ColumnShape{"price", NUMERICOID},
    ColumnShape{"price_unit", TEXTOID},
    ColumnShape{"num_segments", INT4OID},
    ColumnShape{"pricing_category", TEXTOID},
    ColumnShape{"billable", BOOLOID},
    ColumnShape{"changed_at", TIMESTAMPTZOID},
    ColumnShape{"campaign_id", UUIDOID},
    ColumnShape{"metadata", JSONBOID},
    ColumnShape{"created_at", TIMESTAMPTZOID},
};
static_assert(message_change_shape.size() == message_change_columns);

// One member of each observation, as an array.
template <typename T>
Datum array_of_members(std::span<Observation *const> observations, T Observation::*member, Oid type) {
    const std::size_t size = ARR_OVERHEAD_NONULLS(1) + observations.size() * sizeof(T);
    auto *array = static_cast<ArrayType *>(palloc0(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->elemtype = type;
    *ARR_DIMS(array) = static_cast<int>(observations.size());
    *ARR_LBOUND(array) = 1;
    auto *out = reinterpret_cast<T *>(ARR_DATA_PTR(array));
    for (const Observation *o : observations)
        *out++ = o->*member;
    return PointerGetDatum(array);
}

KnownEvents events_of(const MessageChange &change) {
    KnownEvents events;
    for (const Observation *o : change.observations)
        add(events, number_of(o->fingerprint));
    return events;
}

} // namespace

CompositeType message_change_type("message_change", message_change_shape);

void put_change(RowBuilder &row, const MessageChange &c) {
    row.put_text(c.message_id);
    row.put(array_of_members<std::int64_t>(c.observations, &Observation::fingerprint, INT8OID));
    row.put(array_of_members<std::int32_t>(c.observations, &Observation::digest, INT4OID));
    row.put(known_events_datum(events_of(c)));
    row.put_time(c.received_at);
    row.put(status_datum(c.status));
    const MessageFacts &f = c.facts;
    row.put_text(f.provider);
    row.put_text(f.direction);
    row.put_text(f.sender);
    row.put_text(f.recipient);
    row.put_text(f.message_type);
    row.put_text(f.content);
    row.put_text(f.media_url);
    if (c.error_at)
        row.put_time(*c.error_at);
    else
        row.put_null();
    put_error(row, c.error);
    row.put_pointer(f.price);
    row.put_text(f.price_unit);
    row.put_optional(f.num_segments);
    row.put_text(f.pricing_category);
    row.put_optional(f.billable);
    row.put_time(std::max(GetCurrentTransactionStartTimestamp(), c.last_received_at));
    row.put_pointer(f.campaign_id);
    row.put_pointer(f.metadata);
    if (f.created_at)
        row.put_time(*f.created_at);
    else
        row.put_null();
}

} // namespace msgstatus
