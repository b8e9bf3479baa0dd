// Saves what can be read of a damaged spool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "spool/spool_store.hpp"

namespace msgstatus::receiver {

/// salvage does copy every webhook that can still be read of a damaged file to a store. A time of receipt that cannot
/// be true becomes `now`.
/// @param file  the database file that was set aside, its log beside it
/// @param now   microseconds since 2000-01-01 00:00 UTC
/// @return how many were saved
/// @throws SpoolError  nothing at all can be read of the file, or the store cannot take it
std::size_t salvage(const std::string &file, SpoolStore &into, std::int64_t now);

} // namespace msgstatus::receiver
