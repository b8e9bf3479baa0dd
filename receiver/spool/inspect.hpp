// The command `inspect`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace msgstatus::receiver {

/// What `inspect` is asked for.
struct InspectOptions {
    std::string directory;
    std::size_t list = 0; ///< webhooks to list, those first that came first
    bool content = false; ///< with their content, masked
};

/// inspect_spool does return what a spool holds, as text for an operator. It shows no phone number and no text of a
/// message.
/// @param now  microseconds since 2000-01-01 00:00 UTC
/// @throws SpoolError
std::string inspect_spool(const InspectOptions &options, std::int64_t now);

} // namespace msgstatus::receiver
