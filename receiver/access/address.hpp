// IP addresses and ranges of them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

namespace msgstatus::receiver {

/// An IPv4 or IPv6 address. IPv4 is kept as IPv4-mapped IPv6 (::ffff:a.b.c.d; RFC 4291, section 2.5.5.2), so that a
/// client has one address, whether the listener's socket is of the one kind or of the other.
class Address {
public:
    /// No address: `::`.
    Address() = default;
    explicit Address(const boost::asio::ip::address &address);

    /// parse does read `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1`; nothing if it is none of these.
    static std::optional<Address> parse(std::string_view text);

    bool is_v4() const noexcept { return high_ == 0 && low_ >> 32 == 0xffff; }

    /// subscriber does return what tells one subscriber of a network from another: an IPv4 address, or the first half
    /// of an IPv6 address (whoever has one has all with the same first half).
    std::uint64_t subscriber() const noexcept { return is_v4() ? low_ << 16 >> 16 | 0xffffULL << 48 : high_; }

    std::string text() const;

    std::uint64_t high() const noexcept { return high_; }
    std::uint64_t low() const noexcept { return low_; }
    auto operator<=>(const Address &) const = default;

private:
    std::uint64_t high_ = 0;
    std::uint64_t low_ = 0;
};

/// The addresses that begin with the same bits.
class AddressRange {
public:
    /// parse does read `192.0.2.0/24`, `2001:db8::/32`, or a single address.
    /// @return nothing if it is none of these, or if a bit to the right of the prefix is set, which is mostly a slip
    static std::optional<AddressRange> parse(std::string_view text);

    bool contains(const Address &address) const noexcept {
        return ((address.high() ^ first_.high()) & high_mask_) == 0 &&
               ((address.low() ^ first_.low()) & low_mask_) == 0;
    }

    /// is_everything does tell whether every IPv4 or every IPv6 address is in it.
    bool is_everything() const noexcept;

private:
    AddressRange(const Address &first, unsigned bits) noexcept;

    Address first_;
    std::uint64_t high_mask_;
    std::uint64_t low_mask_;
};

/// AddressList is a set of ranges.
class AddressList {
public:
    /// add does add ranges separated by commas or blanks.
    /// @return what cannot be read, if anything; the ranges before it are added then
    std::optional<std::string> add(std::string_view text);

    bool empty() const noexcept { return ranges_.empty(); }
    bool contains(const Address &address) const noexcept;
    const std::vector<AddressRange> &ranges() const noexcept { return ranges_; }

private:
    std::vector<AddressRange> ranges_;
};

} // namespace msgstatus::receiver
