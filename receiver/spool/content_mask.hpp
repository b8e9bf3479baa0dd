// Shows the shape of a webhook without what it says.
#pragma once

#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// mask_content does return a JSON text with every string and number replaced by `*`, but for states, kinds and error
/// codes, which tell nothing of a person. In these and in names of members, what looks like a phone number is masked.
/// At most `limit` bytes; what is no JSON becomes `*`.
std::string mask_content(std::string_view json, std::size_t limit = 2000);

} // namespace msgstatus::receiver
