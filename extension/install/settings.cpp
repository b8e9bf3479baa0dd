#include "install/settings.hpp"

#include "postgres/postgres.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/guc.h"
}

namespace msgstatus {

namespace {

constexpr const char *rollups_setting = "msgstatus.rollups";

bool rollups_are_on_here = true;

// Whether the setting stands in the variable of another library: see below.
bool setting_is_elsewhere = false;

} // namespace

bool rollups_are_on() {
    bool is_on = rollups_are_on_here;
    if (setting_is_elsewhere)
        (void)parse_bool(GetConfigOption(rollups_setting, false, false), &is_on);
    return is_on;
}

void define_settings() {
    // A session that called before an update has the library of the earlier series, too, and a setting is defined once.
    // Before anybody defined it, a setting may be there as a placeholder with a value.
    const int flags = GetConfigOptionFlags(rollups_setting, true);
    setting_is_elsewhere =
        GetConfigOption(rollups_setting, true, false) != nullptr && (flags & GUC_CUSTOM_PLACEHOLDER) == 0;
    if (setting_is_elsewhere)
        return;
    // Only superusers, and roles with the privilege SET on it, may change it: turning it off makes the views wrong for
    // all users.
    DefineCustomBoolVariable(rollups_setting, "Adds changes of messages to the rollups, in the same transaction.",
                             "After it was off, rebuild_rollups() corrects the rollups.", &rollups_are_on_here, true,
                             PGC_SUSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("msgstatus");
}

} // namespace msgstatus
