// What a listener allows: sizes, numbers, times.
#pragma once

#include <chrono>
#include <cstddef>

#include "access/address.hpp"

namespace msgstatus::receiver {

struct HttpLimits {
    std::size_t body_limit = 0;
    std::size_t max_connections = 0;
    std::size_t max_connections_per_address = 0; ///< 0: no limit; trusted proxies have none
    AddressList trusted_proxies;
    std::chrono::milliseconds tls_handshake_timeout{};
    std::chrono::milliseconds header_timeout{};
    std::chrono::milliseconds body_timeout{};
    std::chrono::milliseconds idle_timeout{};
    std::chrono::milliseconds request_timeout{};
};

} // namespace msgstatus::receiver
