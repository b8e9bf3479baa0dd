// Times of events: reading the many forms that providers send, and writing one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace msgstatus {

// Microseconds since 2000-01-01T00:00:00Z, as PostgreSQL's timestamptz counts them.
using EventTime = std::int64_t;

inline constexpr EventTime microseconds_per_second = 1'000'000;
inline constexpr EventTime microseconds_per_day = 86'400 * microseconds_per_second;

// The years 0001 to 9999, which ISO 8601 writes with four digits. Infinity is outside.
inline constexpr EventTime min_time = -730'119 * microseconds_per_day;
inline constexpr EventTime max_time = 2'921'940 * microseconds_per_day - 1;

constexpr bool is_valid_time(EventTime time) noexcept {
    return time >= min_time && time <= max_time;
}

// Reads a date and time such as "2024-12-10T10:30:05.25Z" or "2024-12-10 12:30+02": "T" or a space
// between them, seconds and up to nine digits of fraction (rounded down to microseconds) optional, "Z" or an offset;
// without one, UTC. Nothing for anything else.
std::optional<EventTime> parse_iso8601(std::string_view text) noexcept;

// Reads "Tue, 10 Dec 2024 10:30:05 +0000", the day of the week and the seconds optional.
std::optional<EventTime> parse_rfc2822(std::string_view text) noexcept;

// Reads a decimal number of seconds, milliseconds or microseconds since 1970, told apart by magnitude:
// below 10^11 seconds (the year 5138), below 10^14 milliseconds, below 10^17 microseconds. A fraction is allowed.
std::optional<EventTime> parse_unix_time(std::string_view text) noexcept;

// Reads any of the three forms above, white space around it ignored.
std::optional<EventTime> parse_event_time(std::string_view text) noexcept;

// "2024-12-10T10:30:05.250000Z" without its end.
inline constexpr std::size_t max_iso8601_size = 27;

// Writes UTC with "Z", and a fraction without trailing zeros only where there is one, into `out`, which
// must hold max_iso8601_size bytes; returns the number written. The time must be valid.
std::size_t format_iso8601(EventTime time, char *out) noexcept;

} // namespace msgstatus
