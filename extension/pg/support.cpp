// Small SQL functions that others are built on.
#include "pg/postgres.hpp"

#include "core/mask_numbers.hpp"
#include "core/phone.hpp"
#include "pg/installation.hpp"

extern "C" {
#include "executor/spi.h"
}

using namespace msgstatus;

MSGSTATUS_FUNCTION(check_installation) {
    (void)fcinfo;
    (void)find_installation();
    verify_versions();
    PG_RETURN_VOID();
}

MSGSTATUS_FUNCTION(normalize_address) {
    const std::string_view address = view_of(PG_GETARG_TEXT_PP(0));
    auto *normal = static_cast<char *>(palloc(address.size() + 1));
    PG_RETURN_TEXT_P(text_of({normal, normalize_address(address, normal)}));
}

MSGSTATUS_FUNCTION(mask_numbers) {
    const std::string_view words = view_of(PG_GETARG_TEXT_PP(0));
    auto *masked = static_cast<char *>(palloc(words.size() + 1));
    PG_RETURN_TEXT_P(text_of({masked, mask_numbers(words, masked)}));
}
