// The merge of what a call brings into the table `message`.
#pragma once

#include "pg/message_change.hpp"
#include "pg/written_message.hpp"

namespace msgstatus {

// merge_messages merges the changes, sorted by message and distinct, into the messages, apart from those that would
// change nothing and whose observations are all in the trail as they are, and sets on each what became of it. It
// returns the rows written, in the order of messages, which live until TableAccess::close().
Vector<WrittenMessage> merge_messages(std::span<MessageChange> changes);

} // namespace msgstatus
