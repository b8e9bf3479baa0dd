// Addresses to listen on.
#pragma once

#include <charconv>
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

/// Returns the endpoint in `host:port`, `127.0.0.1:8080` or `[::1]:8080`; nothing without a host, or a port from 0 to
/// 65535.
inline std::optional<Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == text.size())
        return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return std::nullopt; // IPv6 without brackets: where its port begins is a guess
    Endpoint endpoint{.host = std::string(host), .port = 0};
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (host.empty() || error != std::errc() || end != port.data() + port.size())
        return std::nullopt;
    return endpoint;
}

} // namespace msgstatus::receiver
