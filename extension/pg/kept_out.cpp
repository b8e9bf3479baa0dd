#include "pg/kept_out.hpp"

#include "pg/installation.hpp"

extern "C" {
#include "access/table.h"
#include "commands/trigger.h"
#include "utils/rel.h"
}

namespace msgstatus {
namespace {

constexpr const char *reason = "a trigger keeps its message out of the table";

bool has_trigger_before() {
    // Whoever merged into it has locked it.
    Relation message = table_open(find_installation().message_table, NoLock);
    const TriggerDesc *triggers = message->trigdesc;
    const bool found = triggers != nullptr && (triggers->trig_insert_before_row || triggers->trig_update_before_row);
    table_close(message, NoLock);
    return found;
}

const MessageChange &change_of(std::span<const MessageChange> changes, Text message_id) {
    return *std::lower_bound(changes.begin(), changes.end(), message_id,
                             [](const MessageChange &c, Text id) { return c.message_id < id; });
}

Rejection rejection_of(const StatusObject &object, const Observation &o) {
    Rejection rejection;
    rejection.received_at = o.received_at;
    rejection.source = o.source;
    rejection.provider = object.provider;
    rejection.sender = object.business_address;
    rejection.reason = reason;
    rejection.payload = object.payload;
    rejection.webhook = object.webhook;
    return rejection;
}

} // namespace

void reject_kept_out(Batch &batch, std::span<MessageChange> changes) {
    const auto was_left_out = [](const MessageChange &c) { return !c.written; };
    if (std::none_of(changes.begin(), changes.end(), was_left_out) || !has_trigger_before())
        return;
    look_up_kept_out(changes);
    for (const Observation &o : batch.observations) {
        StatusObject &object = batch.objects[o.object];
        if (!change_of(changes, o.message_id).kept_out || object.rejected || !object.payload.exists())
            continue;
        object.rejected = true;
        batch.rejections.push(rejection_of(object, o));
    }
}

} // namespace msgstatus
