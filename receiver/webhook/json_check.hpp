// Is a body JSON? And the compact form of one.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// Returns whether the text is one well-formed JSON value (RFC 8259) in UTF-8, of whatever nesting depth,
/// numbers of whatever size, and lone surrogates as `\uD83D` among its escapes. What jsonb makes of it is PostgreSQL's
/// affair: it is stricter in some respects.
bool is_json(std::string_view text);

/// Returns the text without the white space between JSON tokens; strings and numbers stay as
/// they are written. Of text that is no JSON it returns something.
std::string without_json_space(std::string_view text);

/// Returns the value as JavaScript's JSON.stringify(JSON.parse(text)) would print it: no white
/// space, no escapes but the necessary ones. Numbers beyond 64 bits and fractions may be printed otherwise.
/// @return an empty string if the text is not JSON that RapidJSON can print (a number beyond double, a lone
/// surrogate)
std::string reserialised_json(std::string_view text);

/// Returns the members of a JSON object that are strings, decoded, or numbers and literals, as written; with `flat`
/// false also where there are arrays and objects among them, which are left out.
/// @return nothing if the text is no such object, or names a member twice
std::optional<std::map<std::string, std::string, std::less<>>> json_members(std::string_view text, bool flat = false);

} // namespace msgstatus::receiver
