// Messages that have several ids: from what somebody says of two ids to one message.
#pragma once

#include "observation/observation.hpp"
#include "rollup/rollup_changes.hpp"

namespace msgstatus {

// "These are two ids of one message", and which of them is the alias.
struct AliasPair {
    Text alias;
    Text message_id;
};

// Writes what is new of the pairs into message_alias, and makes one message of those that have several ids: row, trail,
// rollups, recipients of campaigns and rows of attached tables. Locks the messages concerned, and `others`, which the
// call goes on to lock, in one pass in the order of ids. Within SPI, as the owner of the tables. What changes of the
// rollups is the caller's to write.
void learn_aliases(const Vector<AliasPair> &pairs, const Vector<Text> &others, RollupChanges &rollups);

// Learns the aliases that observations name.
void learn_aliases_of(const Vector<Observation> &observations, RollupChanges &rollups);

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
