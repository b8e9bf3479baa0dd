// Messages that have several ids: from what somebody says of two ids to one message.
#pragma once

#include "alias/id_groups.hpp"
#include "observation/observation.hpp"
#include "rollup/rollup_changes.hpp"

namespace msgstatus {

// Writes a new pair into message_alias, and makes one message of those that have both ids: row, trail, rollups,
// recipients of campaigns and rows of attached tables. `recipient` is that of the message, where the call gives it.
// Locks the messages concerned. Within SPI, as the owner of the tables. What changes of the rollups is the caller's to
// write. Raises 23514 where the messages have different recipients or too many ids, and what the tables raise.
void learn_alias(const AliasPair &pair, Text recipient, RollupChanges &rollups);

// Learns the aliases that observations name. Locks their messages with all that the call goes on to lock, in one pass
// in the order of ids. Where learn_alias would raise, it says so in the observations (refusal), and leaves the pair
// out. Errors that may pass (serialization failures, deadlocks, cancellation) are raised.
void learn_aliases_of(Vector<Observation> &observations, RollupChanges &rollups);

// Says that an id is no alias, whatever webhooks say from now on: it has a message for itself. What the message had
// from it stays there. Returns false if it is none.
bool forget_alias(Text id);

// Gives each observation the id under which its message is kept.
void resolve_aliases(Vector<Observation> &observations);

// Returns whether one of these ids, which this transaction has written and so locked, became an alias before it had the
// lock. Where there are aliases, a writer asks this within a subtransaction, undoes it, and begins anew: the message's
// own id stands at another place of the order of locks.
bool have_moved(const Vector<Text> &ids);

// Puts messages that this transaction has written under ids that became aliases meanwhile into their place. For a
// writer that had no subtransaction, since there was no alias at all when it began.
void unite_written(const Vector<Text> &written, RollupChanges &rollups);

} // namespace msgstatus
