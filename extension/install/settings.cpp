#include "install/settings.hpp"

#include "postgres/postgres.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace msgstatus {

bool rollups_are_on = true;

void define_settings() {
    // Not for everyone: who sets it off makes the views wrong for all.
    DefineCustomBoolVariable("msgstatus.rollups",
                             "Adds what changes of messages to the rollups, in the same transaction.",
                             "After a time without, rebuild_rollups() makes them right.", &rollups_are_on, true,
                             PGC_SUSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("msgstatus");
}

} // namespace msgstatus
