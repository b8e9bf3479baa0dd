#include "base/text_codec.hpp"

#include <algorithm>
#include <charconv>

#include <openssl/evp.h>
#include <rapidjson/encodings.h>
#include <rapidjson/memorystream.h>

namespace msgstatus::receiver {
namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

} // namespace

std::string_view cut(std::string_view &rest, std::string_view separators) noexcept {
    const std::string_view part = rest.substr(0, rest.find_first_of(separators));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view space = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
    return text.substr(0, text.find_last_not_of(space) + 1); // + 1 makes 0 of npos
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string encode_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL adds a NUL
    EVP_EncodeBlock(reinterpret_cast<unsigned char *>(text.data()),
                    reinterpret_cast<const unsigned char *>(bytes.data()), static_cast<int>(bytes.size()));
    text.pop_back();
    return text;
}

std::optional<std::string> decode_base64(std::string_view text, bool of_urls) {
    constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digits = std::min(text.find('='), text.size());
    if (digits % 4 == 1 || (digits < text.size() && (text.size() % 4 != 0 || text.substr(digits).size() > 2)))
        return std::nullopt;
    std::string bytes;
    unsigned held = 0;
    int bits = 0;
    for (char c : text.substr(0, digits)) {
        if (of_urls)
            c = c == '-' ? '+' : c == '_' ? '/' : c == '+' || c == '/' ? '=' : c;
        const std::size_t value = standard.find(c);
        if (value == std::string_view::npos)
            return std::nullopt;
        held = (held << 6 | static_cast<unsigned>(value)) & 0xffffU;
        bits += 6;
        if (bits >= 8)
            bytes.push_back(static_cast<char>(held >> (bits -= 8)));
    }
    const bool is_padding = text.find_first_not_of('=', digits) == std::string_view::npos;
    return is_padding && (held & ((1U << bits) - 1)) == 0 ? std::optional(bytes) : std::nullopt;
}

bool append_percent_decoded(std::string_view text, std::string &out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = text[i] == '+' ? ' ' : static_cast<unsigned char>(text[i]);
        if (byte == '%') {
            const std::string_view digits = text.substr(i + 1, 2);
            const char *const end = digits.data() + digits.size();
            if (digits.size() < 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end)
                return false;
            i += 2;
        }
        out.push_back(static_cast<char>(byte));
    }
    return true;
}

std::string json_string(std::string_view text) {
    constexpr std::string_view hex_digits = "0123456789abcdef";
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

bool is_utf8(std::string_view text) noexcept {
    struct {
        void Put(char) {}
    } nowhere;
    rapidjson::MemoryStream stream(text.data(), text.size());
    while (stream.Tell() < text.size()) {
        if (!rapidjson::UTF8<>::Validate(stream, nowhere))
            return false;
    }
    return true;
}

} // namespace msgstatus::receiver
