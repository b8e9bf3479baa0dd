// Bytes as text that needs no quoting in URLs: base64 with - and _ (RFC 4648, section 5), without padding.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace msgstatus {

constexpr std::size_t base64url_size(std::size_t bytes) {
    return (bytes * 4 + 2) / 3;
}

// Writes base64url_size(bytes.size()) characters.
void encode_base64url(std::string_view bytes, char *out);

// Writes at most encoded.size() * 3 / 4 bytes and returns how many. Returns none where the text is not
// what encode_base64url writes: each sequence of bytes has one text.
std::optional<std::size_t> decode_base64url(std::string_view encoded, char *out);

} // namespace msgstatus
