#include "base/text_codec.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <openssl/evp.h>

namespace msgstatus::receiver {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Returns the byte that two hex digits stand for, -1 if they are none.
int hex_byte(const char *digits) noexcept {
    const int high = hex_digit(digits[0]);
    const int low = hex_digit(digits[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

} // namespace

std::string encode_hex(std::span<const unsigned char> bytes) {
    std::string text;
    for (const unsigned char byte : bytes)
        text.append({hex_digits[byte >> 4], hex_digits[byte & 15]});
    return text;
}

std::string encode_base64(std::span<const unsigned char> bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL adds a NUL
    EVP_EncodeBlock(reinterpret_cast<unsigned char *>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
    text.pop_back();
    return text;
}

bool decode_hex(std::string_view hex, std::span<unsigned char> out) noexcept {
    if (hex.size() != out.size() * 2)
        return false;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int byte = hex_byte(hex.data() + 2 * i);
        if (byte < 0)
            return false;
        out[i] = static_cast<unsigned char>(byte);
    }
    return true;
}

std::optional<std::size_t> decode_base64(std::string_view text, std::span<unsigned char> out) {
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    const std::size_t size = text.size() / 4 * 3 - (text.empty() ? 0 : padding);
    if (text.size() % 4 != 0 || size > out.size())
        return std::nullopt;
    std::string bytes(text.size() / 4 * 3 + 1, '\0');
    auto *const begin = reinterpret_cast<unsigned char *>(bytes.data());
    EVP_DecodeBlock(begin, reinterpret_cast<const unsigned char *>(text.data()), static_cast<int>(text.size()));
    if (encode_base64({begin, size}) != text) // also where OpenSSL failed
        return std::nullopt;
    std::copy_n(begin, size, out.data());
    return size;
}

bool append_percent_decoded(std::string_view text, std::string &out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out.push_back(' ');
        } else if (text[i] == '%') {
            const int byte = i + 2 < text.size() ? hex_byte(text.data() + i + 1) : -1;
            if (byte < 0)
                return false;
            out.push_back(static_cast<char>(byte));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return true;
}

std::string json_string(std::string_view text) {
    constexpr std::string_view special = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    std::string out;
    out.reserve(text.size() + 2);
    out.push_back('"');
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= ' ' && c != '"' && c != '\\')
            out.push_back(c);
        else if (const std::size_t at = special.find(c); at != std::string_view::npos)
            out.append({'\\', letters[at]});
        else
            out.append("\\u00").append({hex_digits[byte >> 4], hex_digits[byte & 15]});
    }
    out.push_back('"');
    return out;
}

bool is_ascii(std::string_view text) noexcept {
    std::uint64_t seen = 0;
    for (; text.size() >= sizeof seen; text.remove_prefix(sizeof seen)) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, text.data(), sizeof bytes);
        seen |= bytes;
    }
    for (const char c : text)
        seen |= static_cast<unsigned char>(c);
    return (seen & 0x8080808080808080) == 0;
}

bool is_utf8(std::string_view text) noexcept {
    const auto *p = reinterpret_cast<const unsigned char *>(text.data());
    const auto *const end = p + text.size();
    while (p < end) {
        const unsigned char lead = *p++;
        if (lead < 0x80)
            continue;
        const int following = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
        // The second byte tells overlong forms (0xe0, 0xf0), surrogates (0xed) and what lies beyond U+10FFFF (0xf4).
        unsigned char lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        unsigned char highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (following == 0 || end - p < following)
            return false;
        for (int i = 0; i < following; ++i, ++p, lowest = 0x80, highest = 0xbf) {
            if (*p < lowest || *p > highest)
                return false;
        }
    }
    return true;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(space);
    if (begin == std::string_view::npos)
        return text.substr(text.size());
    return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

} // namespace msgstatus::receiver
