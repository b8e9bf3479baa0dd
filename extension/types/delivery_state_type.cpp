// The SQL type delivery_state: input, output, order, hash. One byte, passed by value.
#include "postgres/postgres.hpp"

#include "core/delivery_state.hpp"
#include "types/delivery_state_datum.hpp"

extern "C" {
#include "common/hashfn.h"
#include "libpq/pqformat.h"
}

using namespace msgstatus;

namespace msgstatus {

char *list_states() {
    StringInfoData list;
    initStringInfo(&list);
    for (std::size_t i = 0; i < state_count; ++i) {
        const std::string_view name = state_name(static_cast<DeliveryState>(i));
        appendStringInfo(&list, "%s%.*s", i == 0 ? "" : ", ", static_cast<int>(name.size()), name.data());
    }
    return list.data;
}

DeliveryState parse_state_or_error(std::string_view label) {
    const auto state = parse_state(label);
    if (!state)
        ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                        errmsg("invalid input value for type delivery_state: \"%.*s\"", shown(label), label.data()),
                        errhint("The states are %s.", list_states())));
    return *state;
}

} // namespace msgstatus

// Returns the state that a label or a provider's synonym names, in any case. Raises 22P02 for any other text.
MSGSTATUS_FUNCTION(delivery_state_in) {
    const char *label = PG_GETARG_CSTRING(0);
    const auto state = parse_state(label);
    if (!state)
        MSGSTATUS_INPUT_ERROR(fcinfo,
                              (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                               errmsg("invalid input value for type delivery_state: \"%.*s\"", shown(label), label),
                               errhint("The states are %s.", list_states())));
    return state_datum(*state);
}

// Returns the canonical label, in lower case.
MSGSTATUS_FUNCTION(delivery_state_out) {
    const std::string_view name = state_name(PG_GETARG_STATE(0));
    PG_RETURN_CSTRING(pnstrdup(name.data(), name.size()));
}

// Reads a label from the binary protocol. The binary form is the label too, so that a client need not know the numbers.
// Raises 22P02 for an unknown label.
MSGSTATUS_FUNCTION(delivery_state_recv) {
    auto *buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    int length = 0;
    const char *label = pq_getmsgtext(buffer, buffer->len - buffer->cursor, &length);
    return state_datum(parse_state_or_error({label, static_cast<std::size_t>(length)}));
}

// Writes the canonical label to the binary protocol.
MSGSTATUS_FUNCTION(delivery_state_send) {
    const std::string_view name = state_name(PG_GETARG_STATE(0));
    StringInfoData buffer;
    pq_begintypsend(&buffer);
    pq_sendtext(&buffer, name.data(), static_cast<int>(name.size()));
    PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

// Operators =, <>, <, <=, > and >=: compare two states by their order, from processing to played.
MSGSTATUS_FUNCTION(delivery_state_eq) {
    PG_RETURN_BOOL(PG_GETARG_STATE(0) == PG_GETARG_STATE(1));
}
MSGSTATUS_FUNCTION(delivery_state_ne) {
    PG_RETURN_BOOL(PG_GETARG_STATE(0) != PG_GETARG_STATE(1));
}
MSGSTATUS_FUNCTION(delivery_state_lt) {
    PG_RETURN_BOOL(PG_GETARG_STATE(0) < PG_GETARG_STATE(1));
}
MSGSTATUS_FUNCTION(delivery_state_le) {
    PG_RETURN_BOOL(PG_GETARG_STATE(0) <= PG_GETARG_STATE(1));
}
MSGSTATUS_FUNCTION(delivery_state_gt) {
    PG_RETURN_BOOL(PG_GETARG_STATE(0) > PG_GETARG_STATE(1));
}
MSGSTATUS_FUNCTION(delivery_state_ge) {
    PG_RETURN_BOOL(PG_GETARG_STATE(0) >= PG_GETARG_STATE(1));
}

// Returns a negative number, 0 or a positive number, as btree expects of a comparison.
MSGSTATUS_FUNCTION(delivery_state_cmp) {
    PG_RETURN_INT32(static_cast<int32>(index_of(PG_GETARG_STATE(0))) -
                    static_cast<int32>(index_of(PG_GETARG_STATE(1))));
}

// Returns the 32-bit hash of a state, for hash joins and hash indexes.
MSGSTATUS_FUNCTION(delivery_state_hash) {
    return hash_uint32(static_cast<uint32>(index_of(PG_GETARG_STATE(0))));
}

// Returns the 64-bit hash of a state with the seed in argument 2, for hash partitioning.
MSGSTATUS_FUNCTION(delivery_state_hash_extended) {
    return hash_uint32_extended(static_cast<uint32>(index_of(PG_GETARG_STATE(0))),
                                static_cast<uint64>(PG_GETARG_INT64(1)));
}

// Returns the larger of two states: the transition and combine function of max().
MSGSTATUS_FUNCTION(delivery_state_larger) {
    return state_datum(std::max(PG_GETARG_STATE(0), PG_GETARG_STATE(1)));
}

// Returns the smaller of two states: the transition and combine function of min().
MSGSTATUS_FUNCTION(delivery_state_smaller) {
    return state_datum(std::min(PG_GETARG_STATE(0), PG_GETARG_STATE(1)));
}

// Returns whether the provider named a reason why the message did not arrive: failed or undelivered.
MSGSTATUS_FUNCTION(delivery_state_is_failure) {
    PG_RETURN_BOOL(is_failure(PG_GETARG_STATE(0)));
}

// Returns whether the provider finished its attempt: received, partially_delivered, skipped, canceled, failed,
// undelivered, delivered, read or played.
MSGSTATUS_FUNCTION(delivery_state_is_final) {
    PG_RETURN_BOOL(is_final(PG_GETARG_STATE(0)));
}
