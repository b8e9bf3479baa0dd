#include "postgres/postgres.hpp"

#include "install/installation.hpp"

using namespace msgstatus;

// Returns nothing if msgstatus can be used. Raises 55000 with a HINT if install() was not called, and 0A000 with a HINT
// if the extension or its tables are of a version that this library does not serve.
MSGSTATUS_FUNCTION(check_installation) {
    (void)fcinfo;
    (void)find_installation();
    verify_versions();
    PG_RETURN_VOID();
}
