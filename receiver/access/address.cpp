#include "access/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace msgstatus::receiver {
namespace {

namespace ip = boost::asio::ip;

constexpr unsigned mapped_bits = 96; // those in front of an IPv4 address

std::uint64_t leading_ones(unsigned count) noexcept {
    return count == 0 ? 0 : ~std::uint64_t{0} << (64 - count);
}

} // namespace

Address::Address(const ip::address &address) {
    const ip::address_v6 wide = address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
    const ip::address_v6::bytes_type bytes = wide.to_bytes();
    for (std::size_t i = 0; i < 8; ++i) {
        high_ = high_ << 8 | bytes[i];
        low_ = low_ << 8 | bytes[i + 8];
    }
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

std::string Address::text() const {
    if (is_v4())
        return ip::make_address_v4(static_cast<ip::address_v4::uint_type>(low_ & 0xffffffff)).to_string();
    ip::address_v6::bytes_type bytes{};
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[i] = static_cast<unsigned char>(high_ >> (56 - 8 * i));
        bytes[i + 8] = static_cast<unsigned char>(low_ >> (56 - 8 * i));
    }
    return ip::make_address_v6(bytes).to_string();
}

AddressRange::AddressRange(const Address &first, unsigned bits) noexcept
    : first_(first), high_mask_(leading_ones(std::min(bits, 64U))), low_mask_(leading_ones(bits > 64 ? bits - 64 : 0)) {
}

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view address_text = text.substr(0, slash);
    const std::optional<Address> first = Address::parse(address_text);
    if (!first)
        return std::nullopt;
    if (slash == std::string_view::npos)
        return AddressRange(*first, 128);
    const std::string_view bits_text = text.substr(slash + 1);
    const bool is_v4 = address_text.find(':') == std::string_view::npos;
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(bits_text.data(), bits_text.data() + bits_text.size(), bits);
    if (error != std::errc() || end != bits_text.data() + bits_text.size() || bits > (is_v4 ? 32U : 128U))
        return std::nullopt;
    const AddressRange range(*first, is_v4 ? mapped_bits + bits : bits);
    const bool bits_beyond = (first->high() & ~range.high_mask_) != 0 || (first->low() & ~range.low_mask_) != 0;
    return bits_beyond ? std::nullopt : std::optional(range);
}

bool AddressRange::is_everything() const noexcept {
    return high_mask_ == 0 || (first_.is_v4() && low_mask_ == leading_ones(mapped_bits - 64));
}

std::optional<std::string> AddressList::add(std::string_view text) {
    constexpr std::string_view separators = ", \t";
    while (true) {
        text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
        if (text.empty())
            return std::nullopt;
        const std::string_view item = text.substr(0, text.find_first_of(separators));
        const std::optional<AddressRange> range = AddressRange::parse(item);
        if (!range)
            return std::string(item);
        ranges_.push_back(*range);
        text.remove_prefix(item.size());
    }
}

bool AddressList::contains(const Address &address) const noexcept {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [&](const AddressRange &range) { return range.contains(address); });
}

} // namespace msgstatus::receiver
