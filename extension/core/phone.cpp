#include "core/phone.hpp"

#include "core/ascii.hpp"

#include <cstring>

namespace msgstatus {
namespace {

constexpr std::string_view channel_prefix = "whatsapp:";

bool is_separator(char c) noexcept {
    return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')';
}

} // namespace

std::size_t normalize_address(std::string_view address, char *out) noexcept {
    address = trim(address);
    // However often it stands there, so that an address stays as it is when it is normalized again.
    while (equals_ignoring_case(address.substr(0, channel_prefix.size()), channel_prefix))
        address = trim(address.substr(channel_prefix.size()));

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
