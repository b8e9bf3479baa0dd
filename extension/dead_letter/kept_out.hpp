// Statuses that a trigger of the user's on `message` kept out of it.
#pragma once

#include "message/message_change.hpp"
#include "observation/batch.hpp"

namespace msgstatus {

// reject_kept_out makes dead letters of the status objects whose messages do not hold what they say after the changes
// were merged: a trigger BEFORE INSERT or UPDATE on `message` left the row out, or gave it another id. Nothing of them
// is in the trail, either. It looks only where there is such a trigger.
void reject_kept_out(Batch &batch, std::span<const MessageChange> changes);

} // namespace msgstatus
