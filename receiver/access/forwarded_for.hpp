// Who is behind a proxy.
#pragma once

#include <string_view>

#include "access/address.hpp"

namespace msgstatus::receiver {

/// client_address does return the address of the client: that of the connection, unless that is a trusted proxy. Then
/// it is the last one in X-Forwarded-For that is none: each proxy appends who connected to it, so what stands to the
/// left of that was written by the client, and may be anything.
/// @param forwarded_for  the header's values, in order, separated by commas; each an IPv4 or IPv6 address, with or
/// without
///        a port (`192.0.2.1:80`, `[2001:db8::1]:80`). No more than the last 16 are looked at
/// @return `peer` if what has to be looked at is no such list
Address client_address(const Address &peer, std::string_view forwarded_for, const AddressList &trusted_proxies);

} // namespace msgstatus::receiver
