// What is known around a part of a webhook.
#pragma once

#include "observation/observation.hpp"
#include "postgres/json.hpp"

namespace msgstatus {

// What is known around the part being read.
struct Context {
    EventTime received_at = 0;
    Text source;
    Text provider;
    // The business's own number, where the surroundings name it.
    Text business_address;
    // Meta's `contacts` beside the statuses: the phone numbers of users whom they name by user id.
    Json contacts;
    int nesting = 0;
};

// context_of returns the context of a webhook: received then, or at the start of the transaction, from a source that
// its caller names. Raises datetime_field_overflow (22008) for a time outside the years 1 to 9999, and
// string_data_right_truncation (22001) for a source of more than 256 bytes.
Context context_of(std::optional<TimestampTz> received_at, Text source);

// new_observation returns an observation with what the context knows.
Observation new_observation(const Context &context);

} // namespace msgstatus
