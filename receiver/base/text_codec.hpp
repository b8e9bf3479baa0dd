// Text as signatures, forms, answers and the log need it: parts, letter case, base64, percent coding, JSON strings,
// UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// Returns the text up to the first of the separators, and takes it and the separator away from `rest`.
std::string_view cut(std::string_view &rest, std::string_view separators) noexcept;

/// Returns the text without spaces, tabs and line ends at either end.
std::string_view trimmed(std::string_view text) noexcept;

/// Returns the text with the letters A to Z in lower case.
std::string lower_case(std::string_view text);

/// Compares ASCII text without regard to case.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Returns the bytes as padded standard base64 (RFC 4648, section 4).
std::string encode_base64(std::string_view bytes);

/// Decodes base64, padded or not, in the standard alphabet, or in that of URLs (section 5).
/// @return nothing unless it is the one way to write those bytes
std::optional<std::string> decode_base64(std::string_view text, bool of_urls = false);

/// Decodes one application/x-www-form-urlencoded name or value (WHATWG URL, section 5.1): `+` is a space, `%XX` a byte.
/// @return false at a `%` without two hex digits; `out` then holds what came before
bool append_percent_decoded(std::string_view text, std::string &out);

/// Returns the text as a JSON string, in quotes.
std::string json_string(std::string_view text);

/// Returns whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view text) noexcept;

} // namespace msgstatus::receiver
