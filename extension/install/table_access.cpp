#include "install/table_access.hpp"

#include "install/installation.hpp"
#include "postgres/deferred_triggers.hpp"

extern "C" {
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
}

namespace msgstatus {
namespace {

// Any role may have plans printed to its client, and the plans of what runs here hold as constants what the owner may
// read and the caller may not: ids, numbers, the key of the stand-ins. Returns the level at which the settings end, or
// 0.
int keep_plans_secret() {
    if (!Debug_print_parse && !Debug_print_rewritten && !Debug_print_plan)
        return 0;
    const int level = NewGUCNestLevel();
    for (const char *setting : {"debug_print_parse", "debug_print_rewritten", "debug_print_plan"})
        (void)set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return level;
}

} // namespace

TableAccess::TableAccess() {
    const Installation installation = find_installation();
    verify_versions();
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    GetUserIdAndSecContext(&caller_, &caller_security_context_);
    SetUserIdAndSecContext(installation.owner, caller_security_context_ | SECURITY_LOCAL_USERID_CHANGE);
    settings_level_ = keep_plans_secret();
    pending_before_ = relations_with_pending_triggers(Deferred::code_of_a_user);
}

void TableAccess::close() {
    run_triggers_deferred_since(pending_before_, Deferred::code_of_a_user);
    if (settings_level_ != 0)
        AtEOXact_GUC(false, settings_level_);
    SetUserIdAndSecContext(caller_, caller_security_context_);
    SPI_finish();
}

} // namespace msgstatus
