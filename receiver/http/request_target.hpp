// What a request is addressed to.
#pragma once

#include <optional>
#include <string_view>

#include "http/request.hpp"

namespace msgstatus::receiver {

/// resolve_target does bring the target into origin form (path and query), and sees to it that nobody could take the
/// request for one to another host: exactly one Host header (none is allowed in HTTP/1.0), which is a host and nothing
/// else; and a target in absolute form names the same (RFC 9112, sections 3.2 and 3.3).
/// @return what is wrong, if anything is
std::optional<std::string_view> resolve_target(Request &request);

} // namespace msgstatus::receiver
