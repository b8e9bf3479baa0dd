// What makes an SQLite database a spool.
#pragma once

#include <cstdint>

#include "spool/sqlite.hpp"

namespace msgstatus::receiver {

/// check_spool_format does return the version of a spool's format, 0 for an empty database.
/// @throws SpoolError  (corrupt) it is something else; (unusable) a version that this program does not know
std::int64_t check_spool_format(SqliteDatabase &database);

/// make_spool_tables does make an empty database a spool.
/// @throws SpoolError
void make_spool_tables(SqliteDatabase &database);

} // namespace msgstatus::receiver
