// The context of a part of a webhook: its receipt and the members around the part.
#pragma once

#include "observation/observation.hpp"
#include "postgres/json.hpp"

namespace msgstatus {

// The context of the part that is being read.
struct Context {
    EventTime received_at = 0;
    Text source;
    Text provider;
    // The business's own number, if a member around the part names it.
    Text business_address;
    // Meta's `contacts` beside the statuses: phone numbers of users whose statuses hold only a user id.
    Json contacts;
    int nesting = 0;
    // Its provider's description says that incoming messages of this shape have texts or media.
    bool may_hold_content = false;
};

// Returns the context of a webhook with its time of receipt (default: start of the transaction) and the source that the
// caller names. Raises datetime_field_overflow (22008) for a time outside the years 1 to 9999, and
// string_data_right_truncation (22001) for a source of more than 256 bytes.
Context context_of(std::optional<TimestampTz> received_at, Text source);

// Returns an observation filled from the context.
Observation new_observation(const Context &context);

} // namespace msgstatus
