#include "webhook/text_codec.hpp"

#include <cstdint>
#include <cstring>

#include <openssl/evp.h>

namespace msgstatus::receiver {
namespace {

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int base64_digit(char c) noexcept {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    if (c == '/')
        return 63;
    return -1;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

} // namespace

std::string encode_hex(std::span<const unsigned char> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : bytes)
        text.append({digits[byte >> 4], digits[byte & 15]});
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
        const int high = hex_digit(hex[2 * i]);
        const int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = static_cast<unsigned char>(high * 16 + low);
    }
    return true;
}

std::optional<std::size_t> decode_base64(std::string_view text, std::span<unsigned char> out) noexcept {
    if (text.size() % 4 != 0)
        return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    const std::size_t digits = text.size() - padding;
    if (text.size() / 4 * 3 - padding > out.size())
        return std::nullopt;
    std::size_t written = 0;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const int digit = base64_digit(text[i]);
        if (digit < 0)
            return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[written++] = static_cast<unsigned char>(bits >> held & 0xff);
        }
    }
    if ((bits & ((1U << held) - 1)) != 0)
        return std::nullopt; // of several spellings of the same bytes, only the proper one
    return written;
}

bool append_percent_decoded(std::string_view text, std::string &out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '+') {
            out.push_back(' ');
        } else if (c == '%') {
            if (i + 2 >= text.size())
                return false;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0)
                return false;
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            out.push_back(c);
        }
    }
    return true;
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
        int following = 0;
        unsigned char lowest = 0x80;
        unsigned char highest = 0xbf;
        if (lead >= 0xc2 && lead <= 0xdf) {
            following = 1;
        } else if (lead >= 0xe0 && lead <= 0xef) {
            following = 2;
            if (lead == 0xe0)
                lowest = 0xa0; // below is overlong
            if (lead == 0xed)
                highest = 0x9f; // above are surrogates
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            following = 3;
            if (lead == 0xf0)
                lowest = 0x90; // below is overlong
            if (lead == 0xf4)
                highest = 0x8f; // above is beyond U+10FFFF
        } else {
            return false;
        }
        for (int i = 0; i < following; ++i) {
            if (p == end || *p < lowest || *p > highest)
                return false;
            ++p;
            lowest = 0x80;
            highest = 0xbf;
        }
    }
    return true;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

} // namespace msgstatus::receiver
