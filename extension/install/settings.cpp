#include "install/settings.hpp"

#include "postgres/postgres.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace msgstatus {

bool rollups_are_on = true;

void define_settings() {
    // Only superusers, and roles with the privilege SET on it, may change it: turning it off makes the views wrong for
    // all users.
    DefineCustomBoolVariable("msgstatus.rollups", "Adds changes of messages to the rollups, in the same transaction.",
                             "After it was off, rebuild_rollups() corrects the rollups.", &rollups_are_on, true,
                             PGC_SUSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("msgstatus");
}

} // namespace msgstatus
