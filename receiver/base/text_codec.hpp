// Hex, base64, percent coding and JSON strings, as signatures, forms, answers and the log need them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// Turns hex digits of either case, exactly twice as many as `out` has bytes, into these bytes; false if the length or
/// a digit does not fit.
bool decode_hex(std::string_view hex, std::span<unsigned char> out) noexcept;

/// Turns padded standard base64 (RFC 4648, section 4) into bytes. Of several spellings of the same bytes only the
/// proper one is taken.
/// @return the number of bytes written, or nothing if the text is not base64 or does not fit into `out`
std::optional<std::size_t> decode_base64(std::string_view text, std::span<unsigned char> out);

/// Returns the bytes as lower-case hex digits.
std::string encode_hex(std::span<const unsigned char> bytes);

/// Returns the bytes as padded standard base64.
std::string encode_base64(std::span<const unsigned char> bytes);

/// Decodes one application/x-www-form-urlencoded name or value (WHATWG URL, section 5.1): `+` is a space, `%XX` a byte.
/// @return false at a `%` without two hex digits; `out` then holds what came before
bool append_percent_decoded(std::string_view text, std::string &out);

/// Returns the text as a JSON string, in quotes.
std::string json_string(std::string_view text);

/// Returns whether all bytes are below 0x80.
bool is_ascii(std::string_view text) noexcept;

/// Returns whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view text) noexcept;

/// Compares ASCII text without regard to case.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Returns the text without spaces, tabs and line ends at either end.
std::string_view trimmed(std::string_view text) noexcept;

} // namespace msgstatus::receiver
