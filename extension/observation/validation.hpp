// What an observation may hold.
#pragma once

#include "observation/observation.hpp"

namespace msgstatus {

// Limits of what is kept; beyond them the status object is rejected. An index entry of PostgreSQL takes about 2,700
// bytes at most, and no provider's id is longer than a fifth of the limit.
inline constexpr std::size_t max_message_id_size = 512;
inline constexpr std::size_t max_address_size = 256;
inline constexpr std::size_t max_label_size = 256;
inline constexpr std::size_t max_error_text_size = 8 * 1024;
inline constexpr std::size_t max_content_size = 256 * 1024;

inline constexpr const char *unknown_state = "the status is missing or names no known state";

// Returns why an observation cannot be kept, a literal, or null.
const char *problem_of(const Observation &observation);

// Returns whether a time can be that of an event received then: neither before 2000, nor more than a day
// after receipt.
bool is_possible_time(EventTime time, EventTime received_at);

// Returns a phone number as "+<digits>", or any other address as it is.
Text address_of(Text given);

} // namespace msgstatus
