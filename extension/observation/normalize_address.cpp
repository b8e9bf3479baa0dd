#include "postgres/postgres.hpp"

#include "core/phone.hpp"

using namespace msgstatus;

// Returns a phone number as "+<digits>", without "whatsapp:" and separators, and any other address as it is. The text
// may be of any length.
MSGSTATUS_FUNCTION(normalize_address) {
    const std::string_view address = view_of(PG_GETARG_TEXT_PP(0));
    auto *normal = static_cast<char *>(palloc(address.size() + 1));
    PG_RETURN_TEXT_P(text_of({normal, normalize_address(address, normal)}));
}
