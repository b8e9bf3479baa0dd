#include "postgres/postgres.hpp"

#include "install/installation.hpp"

extern "C" {
#include "executor/spi.h"
}

using namespace msgstatus;

MSGSTATUS_FUNCTION(check_installation) {
    (void)fcinfo;
    const Installation installation = find_installation();
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    verify_version(installation);
    SPI_finish();
    PG_RETURN_VOID();
}
