#include "postgres/postgres.hpp"

#include "install/installation.hpp"

using namespace msgstatus;

MSGSTATUS_FUNCTION(check_installation) {
    (void)fcinfo;
    (void)find_installation();
    verify_versions();
    PG_RETURN_VOID();
}
