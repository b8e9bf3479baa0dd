// Finds statuses that a user's trigger kept out of `message`.
#pragma once

#include "message/message_change.hpp"
#include "observation/batch.hpp"

namespace msgstatus {

// Turns status objects into dead letters if the merge of the changes did not reach their messages: a user's trigger
// BEFORE INSERT or UPDATE on `message` skipped the row or changed its id. The trail has no event of such an object
// either. Checks only if there is such a trigger.
void reject_kept_out(Batch &batch, std::span<const MessageChange> changes);

} // namespace msgstatus
