// How long a message took from one state to the next, as far as observations tell. A time that is only inferred would
// make up a delay of 0, so the state in which a delay begins must have been observed itself.
#pragma once

#include <optional>

#include "core/delay_histogram.hpp"
#include "core/status.hpp"

namespace msgstatus {

// Returns the time from sent to delivered; nothing where sent was not observed or delivered not reached.
std::optional<Delay> delivery_delay(const Status &status) noexcept;

// Returns the time from delivered to read; nothing where delivered was not observed or read not reached.
std::optional<Delay> read_delay(const Status &status) noexcept;

// Returns the time from the first observation to the first failure, 0 where the failure came first;
// nothing where the message has not failed, or nothing but failures was observed.
std::optional<Delay> failure_delay(const Status &status) noexcept;

} // namespace msgstatus
