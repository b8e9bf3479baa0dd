#include "core/base64url.hpp"

#include <cstdint>

namespace msgstatus {
namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

} // namespace

void encode_base64url(std::string_view bytes, char *out) {
    std::uint32_t pending = 0;
    int bits = 0;
    for (const char c : bytes) {
        pending = pending << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6)
            *out++ = digits[pending >> (bits - 6) & 63];
    }
    if (bits > 0)
        *out = digits[pending << (6 - bits) & 63];
}

std::optional<std::size_t> decode_base64url(std::string_view encoded, char *out) {
    std::uint32_t pending = 0;
    int bits = 0;
    std::size_t written = 0;
    for (const char c : encoded) {
        const std::size_t digit = digits.find(c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        pending = pending << 6 | static_cast<std::uint32_t>(digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[written++] = static_cast<char>(pending >> bits & 255);
        }
    }
    const bool ends_within_a_byte = bits == 6;
    const bool has_spare_bits = (pending & ((1U << bits) - 1)) != 0;
    if (ends_within_a_byte || has_spare_bits)
        return std::nullopt;
    return written;
}

} // namespace msgstatus
