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

// Verifies that this library serves the installed versions of the extension and of its tables; each call has to, since
// both can change beside a running backend. Raises feature_not_supported (0A000) with a HINT for a version that is not
// served (core/served_versions.hpp). Raises object_not_in_prerequisite_state (55000) if the tables are missing.
void verify_versions();

} // namespace msgstatus
