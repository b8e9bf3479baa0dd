#include "postgres/postgres.hpp"

#include "core/mask_numbers.hpp"

using namespace msgstatus;

// Returns the text with *** in place of everything that may be or hold a phone number; core/mask_numbers.hpp lists
// what.
MSGSTATUS_FUNCTION(mask_numbers) {
    const std::string_view words = view_of(PG_GETARG_TEXT_PP(0));
    auto *masked = static_cast<char *>(palloc(words.size() + 1));
    PG_RETURN_TEXT_P(text_of({masked, mask_numbers(words, masked)}));
}
