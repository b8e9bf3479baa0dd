// Addresses to listen on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

struct Endpoint {
    std::string host;       ///< a name or an address, IPv6 without its brackets
    std::uint16_t port = 0; ///< 0: any free port

    bool operator==(const Endpoint &) const = default;
};

/// parse_endpoint does read `host:port`, `127.0.0.1:8080` or `[::1]:8080`.
/// @return nothing if there is no host, or no port from 0 to 65535
std::optional<Endpoint> parse_endpoint(std::string_view text);

} // namespace msgstatus::receiver
