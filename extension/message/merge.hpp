// The merge of what a call brings into the table `message`.
#pragma once

#include "message/message_change.hpp"
#include "message/written_message.hpp"

namespace msgstatus {

// Merges the changes, sorted by message and distinct, into the messages, apart from those that would
// change nothing and whose observations are all in the trail as they are, and sets on each what became of it. It
// returns the rows written, in the order of messages, which live until TableAccess::close(). `mostly_new` says that of
// most there is no message yet; all changes must have been received at the start of the transaction then. Returns
// nothing at all if a message was deleted, or got another id, while this waited for it: nothing is written then, but
// the lock may be held under the other id, out of order. A caller within a subtransaction undoes it, and begins anew.
std::optional<Vector<WrittenMessage>> merge_messages(std::span<MessageChange> changes, bool mostly_new);

} // namespace msgstatus
