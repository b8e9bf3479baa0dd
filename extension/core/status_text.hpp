// The text form of a status: {"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05.25Z"}.
#pragma once

#include <string_view>

#include "core/status.hpp"

namespace msgstatus {

// Room for sixteen members: quotes, the longest name, separators and a time each, and the braces.
inline constexpr std::size_t max_status_text_size = state_count * (2 + 19 + 2 + 2 + max_iso8601_size + 2) + 2;

// Writes the facts observed, in ascending order of state, into `out`, which must hold
// max_status_text_size bytes; returns the number written.
std::size_t format_status(const Status &status, char *out) noexcept;

enum class StatusTextError : std::uint8_t { none, syntax, unknown_state, bad_time };

struct ParsedStatus {
    Status status;
    StatusTextError error = StatusTextError::none;
    std::string_view culprit; // the part of the text that is wrong: a label or a time
};

// Reads the text form: a JSON object whose keys are states (any case, synonyms allowed) and whose values
// are ISO 8601 times as strings. A state given twice keeps its earlier time. Escapes in strings are refused, since no
// state and no time needs one.
ParsedStatus parse_status(std::string_view text) noexcept;

} // namespace msgstatus
