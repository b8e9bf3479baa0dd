#include "observe/mask.hpp"

#include <algorithm>

namespace msgstatus::receiver {
namespace {

constexpr std::size_t fewest_digits = 7; // E.164 numbers in use have at least so many
constexpr std::string_view wamid = "wamid.";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_separator(char c) noexcept {
    return c == ' ' || c == '.' || c == '-' || c == '(' || c == ')';
}
bool is_base64(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/' || c == '=' ||
           c == '_' || c == '-';
}

// number_end does return where the number that starts at `begin` ends, at most one separator between two digits, and
// counts its digits.
std::size_t number_end(std::string_view text, std::size_t begin, std::size_t &digits) noexcept {
    std::size_t end = begin;
    digits = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
        if (is_digit(text[i])) {
            ++digits;
            end = i + 1;
        } else if (!is_separator(text[i]) || i - end >= 2) {
            break;
        }
    }
    return end;
}

} // namespace

std::string mask_phone_numbers(std::string_view text, std::size_t limit) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text.substr(i).starts_with(wamid)) {
            out.append(wamid).push_back('*');
            i += wamid.size();
            while (i < text.size() && is_base64(text[i]))
                ++i;
            continue;
        }
        if (!is_digit(text[i])) {
            out.push_back(text[i++]);
            continue;
        }
        std::size_t digits = 0;
        const std::size_t end = number_end(text, i, digits);
        std::size_t seen = 0;
        for (; i < end; ++i) {
            if (!is_digit(text[i])) {
                out.push_back(text[i]);
                continue;
            }
            ++seen;
            const bool shown = digits < fewest_digits || seen <= 2 || seen > digits - 2;
            out.push_back(shown ? text[i] : '*');
        }
    }
    if (out.size() > limit) {
        out.resize(limit);
        out += "...";
    }
    return out;
}

} // namespace msgstatus::receiver
