// The functions and operators of message_status: merge, containment, order, states and times.
#include "postgres/postgres.hpp"

#include "core/event_time.hpp"
#include "core/last_change.hpp"
#include "core/status.hpp"
#include "types/delivery_state_datum.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
}

using namespace msgstatus;

namespace {

// Returns when the state with the label was reached; nothing for a text that is no label. The jsonb-like operators take
// text keys, so that queries written for a jsonb column run unchanged.
std::optional<EventTime> reached_by_label(const Status &status, std::string_view label) {
    const auto state = parse_state(label);
    return state ? reached_at(status, *state) : std::nullopt;
}

// Calls test(label) for each element that is not NULL until it returns `until`; returns whether it did.
template <typename Test>
bool any_label(ArrayType *labels, bool until, Test test) {
    Datum *elements = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(labels, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
    for (int i = 0; i < count; ++i)
        if (!nulls[i] && test(view_of(DatumGetTextPP(elements[i]))) == until)
            return true;
    return false;
}

int compare_arguments(FunctionCallInfo fcinfo) {
    return compare(PG_GETARG_STATUS(0), PG_GETARG_STATUS(1));
}

} // namespace

// Operator ||: returns the merge of two statuses, which holds for each state the earlier of its times.
MSGSTATUS_FUNCTION(message_status_merge) {
    return status_datum(merge(PG_GETARG_STATUS(0), PG_GETARG_STATUS(1)));
}

// Operator <@: returns whether merging the left status into the right one changes nothing.
MSGSTATUS_FUNCTION(message_status_contained) {
    PG_RETURN_BOOL(contained_in(PG_GETARG_STATUS(0), PG_GETARG_STATUS(1)));
}

// Operator @>: returns whether merging the right status into the left one changes nothing.
MSGSTATUS_FUNCTION(message_status_contains) {
    PG_RETURN_BOOL(contained_in(PG_GETARG_STATUS(1), PG_GETARG_STATUS(0)));
}

// Operators =, <>, <, <=, > and >=: compare two statuses in the total order of compare() (core/status.hpp).
MSGSTATUS_FUNCTION(message_status_eq) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}
MSGSTATUS_FUNCTION(message_status_ne) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}
MSGSTATUS_FUNCTION(message_status_lt) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}
MSGSTATUS_FUNCTION(message_status_le) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}
MSGSTATUS_FUNCTION(message_status_gt) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}
MSGSTATUS_FUNCTION(message_status_ge) {
    PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

// Returns a negative number, 0 or a positive number, as btree expects of a comparison.
MSGSTATUS_FUNCTION(message_status_cmp) {
    PG_RETURN_INT32(compare_arguments(fcinfo));
}

// Returns the 32-bit hash of a status. Equal values have equal bytes, so the bytes are hashed.
MSGSTATUS_FUNCTION(message_status_hash) {
    const auto bytes = bytes_of(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0)));
    return UInt32GetDatum(
        hash_bytes(reinterpret_cast<const unsigned char *>(bytes.data()), static_cast<int>(bytes.size())));
}

// Returns the 64-bit hash of a status with the seed in argument 2.
MSGSTATUS_FUNCTION(message_status_hash_extended) {
    const auto bytes = bytes_of(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0)));
    return UInt64GetDatum(hash_bytes_extended(reinterpret_cast<const unsigned char *>(bytes.data()),
                                              static_cast<int>(bytes.size()), static_cast<uint64>(PG_GETARG_INT64(1))));
}

// Returns the highest state observed; NULL for the empty status.
MSGSTATUS_FUNCTION(message_status_state) {
    const auto highest = state(PG_GETARG_STATUS(0));
    if (!highest)
        PG_RETURN_NULL();
    return state_datum(*highest);
}

// Returns the event time of exactly this state; NULL if it was not observed.
MSGSTATUS_FUNCTION(message_status_observed_at) {
    const auto time = observed_at(PG_GETARG_STATUS(0), PG_GETARG_STATE(1));
    if (!time)
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(*time);
}

// Returns the earliest time of any observation that implies the state; NULL if there is none.
MSGSTATUS_FUNCTION(message_status_reached_at) {
    const auto time = reached_at(PG_GETARG_STATUS(0), PG_GETARG_STATE(1));
    if (!time)
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(*time);
}

// Returns what merging the second status into the first changes: one bit for each added state, and a bit for an earlier
// time of a known state, as core/last_change.hpp numbers them.
MSGSTATUS_FUNCTION(message_status_change) {
    PG_RETURN_INT32(static_cast<std::int32_t>(change_bits(change(PG_GETARG_STATUS(0), PG_GETARG_STATUS(1)))));
}

// Operator ?: returns whether the state with this label was reached; false for a text that is no label.
MSGSTATUS_FUNCTION(message_status_reached) {
    PG_RETURN_BOOL(reached_by_label(PG_GETARG_STATUS(0), view_of(PG_GETARG_TEXT_PP(1))).has_value());
}

// Operator ?|: returns whether any state of the labels was reached. Ignores NULL elements, as jsonb does.
MSGSTATUS_FUNCTION(message_status_reached_any) {
    const Status status = PG_GETARG_STATUS(0);
    PG_RETURN_BOOL(any_label(PG_GETARG_ARRAYTYPE_P(1), true,
                             [&](std::string_view label) { return reached_by_label(status, label).has_value(); }));
}

// Operator ?&: returns whether all states of the labels were reached. Ignores NULL elements, as jsonb does.
MSGSTATUS_FUNCTION(message_status_reached_all) {
    const Status status = PG_GETARG_STATUS(0);
    PG_RETURN_BOOL(!any_label(PG_GETARG_ARRAYTYPE_P(1), false,
                              [&](std::string_view label) { return reached_by_label(status, label).has_value(); }));
}

// Operator ->: returns when the state with this label was reached; NULL if it was not, or if the text is no label.
MSGSTATUS_FUNCTION(message_status_time) {
    const auto time = reached_by_label(PG_GETARG_STATUS(0), view_of(PG_GETARG_TEXT_PP(1)));
    if (!time)
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(*time);
}

// Operator ->>: returns the time of operator -> as ISO 8601 text in UTC.
MSGSTATUS_FUNCTION(message_status_time_text) {
    const auto time = reached_by_label(PG_GETARG_STATUS(0), view_of(PG_GETARG_TEXT_PP(1)));
    if (!time)
        PG_RETURN_NULL();
    std::array<char, max_iso8601_size> iso;
    const std::size_t size = format_iso8601(*time, iso.data());
    PG_RETURN_TEXT_P(text_of({iso.data(), size}));
}
