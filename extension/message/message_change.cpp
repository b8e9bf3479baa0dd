#include "message/message_change.hpp"

#include "message/change_columns.hpp"
#include "message/known_events_datum.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace msgstatus {
namespace {

constexpr auto shape_of_change = [] {
    std::array<ColumnShape, change_columns.size()> shape{};
    for (std::size_t i = 0; i < shape.size(); ++i)
        shape[i] = change_columns[i].shape;
    return shape;
}();

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

CompositeType message_change_type("message_change", shape_of_change);

namespace change_column {

void put_fingerprints(RowBuilder &row, const MessageChange &change) {
    row.put(array_of_members<std::int64_t>(change.observations, &Observation::fingerprint, INT8OID));
}

void put_digests(RowBuilder &row, const MessageChange &change) {
    row.put(array_of_members<std::int32_t>(change.observations, &Observation::digest, INT4OID));
}

void put_known_events(RowBuilder &row, const MessageChange &change) {
    row.put(known_events_datum(events_of(change)));
}

void put_status(RowBuilder &row, const MessageChange &change) {
    row.put(status_datum(change.status));
}

void put_changed_at(RowBuilder &row, const MessageChange &change) {
    row.put_time(std::max(GetCurrentTransactionStartTimestamp(), change.last_received_at));
}

} // namespace change_column

void put_change(RowBuilder &row, const MessageChange &change) {
    for (const ChangeColumn &column : change_columns)
        column.put(row, change);
}

} // namespace msgstatus
