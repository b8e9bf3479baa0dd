// The column `last_change` of `message`: what the last write changed. RETURNING can show what a row was before only
// from PostgreSQL 18 on, so the row itself says so.
#pragma once

#include "core/status.hpp"

namespace msgstatus {

// Beside the bits of the states added.
inline constexpr std::uint32_t last_change_inserted = 1U << 16;
inline constexpr std::uint32_t last_change_replaced = 1U << 17;
static_assert(last_change_inserted == 65536 && last_change_replaced == 131072,
              "they are stored, and comments name them");

// Returns a change as the column holds it.
inline std::uint32_t change_bits(const StatusChange &change) {
    return change.added | (change.earlier ? last_change_replaced : 0U);
}

} // namespace msgstatus
