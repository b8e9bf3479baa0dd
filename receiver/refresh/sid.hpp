// Twilio's ids. Nothing else gets into the path of a request.
#pragma once

#include <algorithm>
#include <string_view>

namespace msgstatus::refresh {

/// Returns whether the text is two letters and 32 hexadecimal digits.
inline bool is_sid(std::string_view text, std::string_view letters) noexcept {
    return text.size() == 34 && text.starts_with(letters) && std::all_of(text.begin() + 2, text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
           });
}

inline bool is_account_sid(std::string_view text) noexcept {
    return is_sid(text, "AC");
}
inline bool is_key_sid(std::string_view text) noexcept {
    return is_sid(text, "SK");
}
inline bool is_message_sid(std::string_view text) noexcept {
    return is_sid(text, "SM") || is_sid(text, "MM");
}

} // namespace msgstatus::refresh
