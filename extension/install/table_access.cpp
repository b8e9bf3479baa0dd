#include "install/table_access.hpp"

#include "install/installation.hpp"
#include "postgres/deferred_triggers.hpp"

extern "C" {
#include "executor/spi.h"
#include "miscadmin.h"
}

namespace msgstatus {

TableAccess::TableAccess() {
    const Installation installation = find_installation();
    verify_versions();
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    GetUserIdAndSecContext(&caller_, &caller_security_context_);
    SetUserIdAndSecContext(installation.owner, caller_security_context_ | SECURITY_LOCAL_USERID_CHANGE);
    pending_before_ = relations_with_pending_triggers(Deferred::code_of_a_user);
}

void TableAccess::close() {
    run_triggers_deferred_since(pending_before_, Deferred::code_of_a_user);
    SetUserIdAndSecContext(caller_, caller_security_context_);
    SPI_finish();
}

} // namespace msgstatus
