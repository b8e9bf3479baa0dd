#include "core/phone.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/ascii.hpp"

namespace msgstatus {
namespace {

constexpr std::array<std::string_view, 5> phone_channels{"whatsapp", "sms", "mms", "rcs", "viber"};
constexpr std::array<std::string_view, 6> id_channels{"messenger", "instagram", "telegram", "line", "wechat", "gbm"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N> &channels, std::string_view name) noexcept {
    return std::any_of(channels.begin(), channels.end(),
                       [&](std::string_view channel) { return equals_ignoring_case(channel, name); });
}

bool is_separator(char c) noexcept {
    return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')';
}

} // namespace

ChannelAddress split_channel(std::string_view address) noexcept {
    address = trim(address);
    const std::size_t colon = address.find(':');
    if (colon == std::string_view::npos)
        return {{}, address, true};
    const std::string_view channel = address.substr(0, colon);
    const bool is_phone = is_one_of(phone_channels, channel);
    if (!is_phone && !is_one_of(id_channels, channel))
        return {{}, address, true};
    return {channel, trim(address.substr(colon + 1)), is_phone};
}

std::size_t normalize_address(std::string_view address, char *out) noexcept {
    address = trim(address);
    // However often a channel stands there, so that an address stays as it is when it is normalized again.
    for (ChannelAddress split = split_channel(address); !split.channel.empty() && split.is_phone;
         split = split_channel(address))
        address = split.address;

    const bool plus = !address.empty() && address.front() == '+';
    std::size_t digits = 0;
    bool is_number = true;
    out[0] = '+';
    for (const char c : address.substr(plus ? 1 : 0)) {
        if (is_digit(c) && digits < max_phone_digits)
            out[1 + digits++] = c;
        else if (!is_separator(c)) {
            is_number = false;
            break;
        }
    }
    if (is_number && digits > 0 && (plus || digits >= min_phone_digits))
        return 1 + digits;

    std::memcpy(out, address.data(), address.size());
    return address.size();
}

} // namespace msgstatus
