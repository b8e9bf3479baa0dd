// Keeps phone numbers out of the logs.
#pragma once

#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// mask_phone_numbers does return the text with every run of seven or more digits cut to its first two and last two,
/// the rest as `*` (spaces, dots, dashes and parentheses within a number do not hide it), with every WhatsApp message
/// id
/// (`wamid.`, base64 of a phone number among others) cut to `wamid.*`, and with at most `limit` bytes.
std::string mask_phone_numbers(std::string_view text, std::size_t limit = 300);

} // namespace msgstatus::receiver
