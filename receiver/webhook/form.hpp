// Form bodies and query strings: application/x-www-form-urlencoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msgstatus::receiver {

/// The fields of a form in the order of their arrival, names and values decoded.
using Form = std::vector<std::pair<std::string, std::string>>;

/// The most fields a form may have; Twilio sends about 20.
inline constexpr std::size_t max_form_fields = 500;

/// Decodes `name=value&...`.
/// @return nothing if an escape is malformed, something is not UTF-8, or there are more than max_form_fields fields
std::optional<Form> decode_form(std::string_view text);

/// Returns the fields as one JSON object. A name that comes more than once becomes an array of its
/// distinct values in the order of their arrival, so that nothing is lost and the ambiguity shows.
std::string form_to_json(const Form &form);

/// Returns the first value of a name, or nothing.
std::optional<std::string_view> form_value(const Form &form, std::string_view name);

} // namespace msgstatus::receiver
