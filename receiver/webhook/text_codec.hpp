// Hex, base64 and percent coding, as signatures, forms and query strings need them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// decode_hex does the turning of hex digits of either case into bytes.
/// @param hex  exactly twice as many digits as `out` has bytes
/// @return false if the length or any digit does not fit; `out` is then unspecified
bool decode_hex(std::string_view hex, std::span<unsigned char> out) noexcept;

/// decode_base64 does the turning of padded standard base64 (RFC 4648, section 4) into bytes.
/// @return the number of bytes written, or nothing if the text is not base64 or does not fit into `out`
std::optional<std::size_t> decode_base64(std::string_view text, std::span<unsigned char> out) noexcept;

/// Returns the bytes as lower-case hex digits.
std::string encode_hex(std::span<const unsigned char> bytes);

/// Returns the bytes as padded standard base64.
std::string encode_base64(std::span<const unsigned char> bytes);

/// append_percent_decoded does the decoding of one application/x-www-form-urlencoded name or value (WHATWG URL,
/// section 5.1): `+` is a space, `%XX` a byte.
/// @return false at a `%` without two hex digits; `out` then holds what came before
bool append_percent_decoded(std::string_view text, std::string &out);

/// is_ascii does tell whether all bytes are below 0x80.
bool is_ascii(std::string_view text) noexcept;

/// is_utf8 does tell whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view text) noexcept;

/// equals_ignoring_case does compare ASCII text without regard to case.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// trimmed does return the text without spaces, tabs and line ends at either end.
std::string_view trimmed(std::string_view text) noexcept;

} // namespace msgstatus::receiver
