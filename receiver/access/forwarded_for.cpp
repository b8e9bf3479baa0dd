#include "access/forwarded_for.hpp"

#include "webhook/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

// without_port does return what stands before the port, if there is one.
std::string_view without_port(std::string_view hop) noexcept {
    if (hop.starts_with('[')) {
        const std::size_t bracket = hop.find(']');
        return bracket == std::string_view::npos ? std::string_view() : hop.substr(1, bracket - 1);
    }
    const std::size_t colon = hop.find(':');
    const bool is_v6 = colon != std::string_view::npos && hop.find(':', colon + 1) != std::string_view::npos;
    return is_v6 ? hop : hop.substr(0, colon);
}

} // namespace

Address client_address(const Address &peer, std::string_view forwarded_for, const AddressList &trusted_proxies) {
    constexpr int most_hops = 16;
    if (!trusted_proxies.contains(peer))
        return peer;
    Address nearest = peer;
    for (int hops = 0; hops < most_hops; ++hops) {
        const std::size_t comma = forwarded_for.rfind(',');
        const std::string_view hop = trimmed(forwarded_for.substr(comma == std::string_view::npos ? 0 : comma + 1));
        const std::optional<Address> address = Address::parse(without_port(hop));
        if (!address)
            return peer;
        nearest = *address;
        if (!trusted_proxies.contains(nearest) || comma == std::string_view::npos)
            return nearest;
        forwarded_for = forwarded_for.substr(0, comma);
    }
    return peer;
}

} // namespace msgstatus::receiver
