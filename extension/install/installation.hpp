// Whether install() was called, and for this version.
#pragma once

#include "postgres/postgres.hpp"

namespace msgstatus {

struct Installation {
    Oid message_table = InvalidOid;
    Oid owner = InvalidOid;
};

// find_installation returns the tables; raises object_not_in_prerequisite_state (55000) with a HINT where they are
// missing.
Installation find_installation();

// verify_version raises the same where the tables are of another version than this library. Reads a table through SPI,
// but once in a backend's life only.
void verify_version(const Installation &installation);

} // namespace msgstatus
