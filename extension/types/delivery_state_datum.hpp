// Converts a delivery_state from and to a Datum.
#pragma once

#include "core/delivery_state.hpp"
#include "postgres/postgres.hpp"

#define PG_GETARG_STATE(n) msgstatus::state_of_datum(PG_GETARG_DATUM(n))

namespace msgstatus {

inline Datum state_datum(DeliveryState state) {
    return UInt8GetDatum(static_cast<uint8>(state));
}

// Returns the state. Raises data_corrupted (XX001) for an invalid byte, which only a damaged table holds.
inline DeliveryState state_of_datum(Datum datum) {
    const uint8 value = DatumGetUInt8(datum);
    if (value >= state_count)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid delivery_state: %d", value)));
    return static_cast<DeliveryState>(value);
}

// Returns all labels in ascending order, separated by commas, for a hint; allocated in the current memory context.
char *list_states();

// Returns the state with the label. Raises invalid_text_representation (22P02) for an unknown label.
DeliveryState parse_state_or_error(std::string_view label);

} // namespace msgstatus
