// Addresses of senders and recipients: one spelling for phone numbers.
#pragma once

#include <cstddef>
#include <string_view>

namespace msgstatus {

// The longest E.164 number has fifteen digits.
inline constexpr std::size_t max_phone_digits = 15;
// Shorter runs of digits are short codes or group-local ids, which take no "+".
inline constexpr std::size_t min_phone_digits = 7;

// An address as Twilio writes it, "<channel>:<address>". Without a known channel, the address is all of it.
struct ChannelAddress {
    std::string_view channel;
    std::string_view address;
    // Are the addresses of the channel phone numbers? Those of the others are ids, of whatever characters.
    bool is_phone = true;
};

ChannelAddress split_channel(std::string_view address) noexcept;

// Writes a phone number as "+<digits>" (without a channel of phone numbers such as "whatsapp:", and
// without the spaces, dots, dashes and parentheses people write) and copies anything else, such as a group id or an
// alphanumeric sender, as it is but for that channel. `out` must hold address.size() + 1 bytes; returns the number
// written.
std::size_t normalize_address(std::string_view address, char *out) noexcept;

} // namespace msgstatus
