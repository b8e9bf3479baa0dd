// Finds the installed tables and checks that this library serves their version.
#pragma once

#include "postgres/postgres.hpp"

namespace msgstatus {

struct Installation {
    Oid message_table = InvalidOid;
    Oid owner = InvalidOid;
};

// Returns the table `message` and its owner. Raises object_not_in_prerequisite_state (55000) with a HINT if the tables
// are missing.
Installation find_installation();

// Raises feature_not_supported (0A000) with a HINT if the SQL of the extension or the tables are of a version that this
// library does not serve (core/served_versions.hpp). Every call must check: both can change beside a running backend.
void verify_versions();

} // namespace msgstatus
