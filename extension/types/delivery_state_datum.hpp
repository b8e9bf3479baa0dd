// How a delivery_state travels in a Datum.
#pragma once

#include "core/delivery_state.hpp"
#include "postgres/postgres.hpp"

#define PG_GETARG_STATE(n) msgstatus::state_of_datum(PG_GETARG_DATUM(n))

namespace msgstatus {

inline Datum state_datum(DeliveryState state) {
    return UInt8GetDatum(static_cast<uint8>(state));
}

// state_of_datum raises data_corrupted for a byte that is no state, which only a damaged table can hold.
inline DeliveryState state_of_datum(Datum datum) {
    const uint8 value = DatumGetUInt8(datum);
    if (value >= state_count)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid delivery_state: %d", value)));
    return static_cast<DeliveryState>(value);
}

// list_states returns all labels, ascending, as a hint shows them, allocated in the current memory context.
char *list_states();

// parse_state_or_error returns the state with the label or raises invalid_text_representation (22P02).
DeliveryState parse_state_or_error(std::string_view label);

} // namespace msgstatus
