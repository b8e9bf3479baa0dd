// Texts that others wrote, such as the words of a provider for an error, without what may be or hold a phone number.
#pragma once

#include <cstddef>
#include <string_view>

namespace msgstatus {

// Puts *** in the place of
// - seven digits or more, set apart by nothing or by up to three characters that are neither letters nor digits, with a
//   + before them;
// - words of ten characters or more that hold a digit and a capital letter: base64 of a number, and ids.
// Writes at most the size of the text, and returns how much. Takes time in proportion to the text.
std::size_t mask_numbers(std::string_view text, char *out);

} // namespace msgstatus
