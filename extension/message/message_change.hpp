// What one call changes about one message, and how it travels into a statement.
#pragma once

#include "observation/observation.hpp"
#include "postgres/composite_type.hpp"

namespace msgstatus {

// What one call changes about one message: its observations merged.
struct MessageChange {
    Text message_id;
    Status status;
    MessageFacts facts;
    // The earliest failure that says why.
    std::optional<EventTime> error_at;
    ErrorInfo error;
    // Its distinct observations, in the order of their fingerprints.
    std::span<Observation *const> observations;
    // The earliest and the latest receipt of any of them.
    EventTime received_at = 0;
    EventTime last_received_at = 0;

    // Set by merge_messages: the row was written, and is locked until the end of the transaction.
    bool written = false;
    // The states that were not in the row before.
    StateSet added_states = 0;
    // Something that was in the row has another value now: a column, or the time of a state.
    bool replaced = false;
};

// The type in which changes travel.
extern CompositeType message_change_type;

// Fills a row of the type message_change, by the list change_columns.
void put_change(RowBuilder &row, const MessageChange &change);

} // namespace msgstatus
