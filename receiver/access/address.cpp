#include "access/address.hpp"

#include <algorithm>

#include <boost/asio/ip/network_v4.hpp>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

namespace ip = boost::asio::ip;

constexpr unsigned short mapped_bits = 96; // those in front of an IPv4 address
constexpr unsigned short all_bits = 128;

// Returns what stands before the port, if there is one.
std::string_view without_port(std::string_view hop) noexcept {
    if (hop.starts_with('['))
        return hop.find(']') == std::string_view::npos ? "" : hop.substr(1, hop.find(']') - 1);
    const bool is_v6 = std::count(hop.begin(), hop.end(), ':') > 1;
    return is_v6 ? hop : hop.substr(0, hop.find(':'));
}

std::optional<ip::network_v6> parse_range(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::optional<Address> first = Address::parse(text.substr(0, slash));
    if (!first)
        return std::nullopt;
    ip::network_v6 range(first->v6(), all_bits);
    boost::system::error_code ec;
    if (slash != std::string_view::npos && text.find(':') != std::string_view::npos) {
        range = ip::make_network_v6(std::string(text), ec);
    } else if (slash != std::string_view::npos) {
        const ip::network_v4 v4 = ip::make_network_v4(std::string(text), ec);
        range = ip::network_v6(first->v6(), static_cast<unsigned short>(mapped_bits + v4.prefix_length()));
    }
    return !ec && range == range.canonical() ? std::optional(range) : std::nullopt;
}

} // namespace

Address::Address(const ip::address &address)
    : v6_(address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6()) {
    v6_.scope_id(0);
}

std::optional<Address> Address::parse(std::string_view text) {
    constexpr std::size_t longest = 45;           // INET6_ADDRSTRLEN less its NUL
    constexpr std::string_view refused("%\0", 2); // an address of one link (fe80::1%eth0) means nothing elsewhere
    if (text.size() > longest || text.find_first_of(refused) != std::string_view::npos)
        return std::nullopt;
    boost::system::error_code ec;
    const ip::address address = ip::make_address(std::string(text), ec);
    return ec ? std::nullopt : std::optional(Address(address));
}

std::uint64_t Address::subscriber() const noexcept {
    if (v6_.is_v4_mapped()) // ffff and the address, which begins no IPv6 address in use
        return 0xffffULL << 48 | ip::make_address_v4(ip::v4_mapped, v6_).to_uint();
    const ip::address_v6::bytes_type bytes = v6_.to_bytes();
    std::uint64_t half = 0;
    for (std::size_t i = 0; i < sizeof half; ++i)
        half = half << 8 | bytes[i];
    return half;
}

std::string Address::text() const {
    return v6_.is_v4_mapped() ? ip::make_address_v4(ip::v4_mapped, v6_).to_string() : v6_.to_string();
}

std::optional<std::string> AddressList::add(std::string_view text) {
    while (!text.empty()) {
        const std::string_view item = cut(text, ", \t");
        const std::optional<ip::network_v6> range = parse_range(item);
        if (range)
            ranges_.push_back(*range);
        else if (!item.empty())
            return std::string(item);
    }
    return std::nullopt;
}

bool AddressList::contains(const Address &address) const {
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const ip::network_v6 &range) {
        return ip::network_v6(address.v6(), range.prefix_length()).canonical() == range;
    });
}

bool AddressList::has_everyone() const {
    return std::any_of(ranges_.begin(), ranges_.end(), [](const ip::network_v6 &range) {
        return range.prefix_length() == 0 || (range.prefix_length() == mapped_bits && range.address().is_v4_mapped());
    });
}

Address client_address(const Address &peer, std::string_view forwarded_for, const AddressList &trusted_proxies) {
    constexpr int most_hops = 16;
    if (!trusted_proxies.contains(peer))
        return peer;
    for (int hops = 0; hops < most_hops; ++hops) {
        const std::size_t comma = forwarded_for.rfind(',');
        const std::string_view hop = trimmed(forwarded_for.substr(comma + 1)); // 0 without one
        const std::optional<Address> address = Address::parse(without_port(hop));
        if (!address)
            return peer;
        if (!trusted_proxies.contains(*address) || comma == std::string_view::npos)
            return *address;
        forwarded_for = forwarded_for.substr(0, comma);
    }
    return peer;
}

} // namespace msgstatus::receiver
