#include "message/user_triggers.hpp"

#include "install/installation.hpp"
#include "postgres/postgres.hpp"

extern "C" {
#include "access/table.h"
#include "commands/trigger.h"
#include "utils/rel.h"
}

namespace msgstatus {

bool has_trigger_before() {
    Relation message = table_open(find_installation().message_table, RowExclusiveLock);
    const TriggerDesc *triggers = message->trigdesc;
    const bool found = triggers != nullptr && (triggers->trig_insert_before_row || triggers->trig_update_before_row);
    table_close(message, NoLock);
    return found;
}

} // namespace msgstatus
