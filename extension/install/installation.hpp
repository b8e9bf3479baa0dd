// Whether install() was called, and whether this library serves what it made.
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

// verify_versions raises feature_not_supported (0A000), with a HINT, where the extension's SQL or the tables are of a
// version that this library does not serve (core/served_versions.hpp). To be asked by every call: they change beside
// running backends.
void verify_versions();

} // namespace msgstatus
