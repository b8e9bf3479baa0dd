// IP addresses, ranges of them, and who is behind a proxy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace msgstatus::receiver {

/// An IPv4 or IPv6 address. IPv4 is kept as IPv4-mapped IPv6 (::ffff:a.b.c.d; RFC 4291, section 2.5.5.2), so that a
/// client has one address, whether the listener's socket is of the one kind or of the other.
class Address {
public:
    /// No address: `::`.
    Address() = default;
    explicit Address(const boost::asio::ip::address &address);

    /// Returns the address in `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1`; nothing if it is none of these.
    static std::optional<Address> parse(std::string_view text);

    /// Returns what distinguishes one subscriber of a network from another: an IPv4 address, or the first half of an
    /// IPv6 address (who has one has all with the same first half).
    std::uint64_t subscriber() const noexcept;

    std::string text() const;

    const boost::asio::ip::address_v6 &v6() const noexcept { return v6_; }
    bool operator==(const Address &) const = default;

private:
    boost::asio::ip::address_v6 v6_;
};

/// AddressList is a set of ranges.
class AddressList {
public:
    /// Adds ranges (`192.0.2.0/24`, `2001:db8::/32`, or a single address) separated by commas or blanks.
    /// @return what is no range, or one with a bit to the right of its prefix set, which is mostly a slip; the ranges
    /// before it are added then
    std::optional<std::string> add(std::string_view text);

    bool empty() const noexcept { return ranges_.empty(); }
    bool contains(const Address &address) const;

    /// Returns whether every IPv4 or every IPv6 address is in one of the ranges.
    bool has_everyone() const;

private:
    std::vector<boost::asio::ip::network_v6> ranges_;
};

/// Returns the address of the client: that of the connection, unless that is a trusted proxy. Then it is the last one
/// in X-Forwarded-For that is none: each proxy appends who connected to it, so what stands to the left of that was
/// written by the client, and may be anything.
/// @param forwarded_for  the header's values, in order, separated by commas; each an address, with or without a port
///        (`192.0.2.1:80`, `[2001:db8::1]:80`). No more than the last 16 are looked at
/// @return `peer` if what has to be looked at is no such list
Address client_address(const Address &peer, std::string_view forwarded_for, const AddressList &trusted_proxies);

} // namespace msgstatus::receiver
