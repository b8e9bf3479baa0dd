// Reading and locking messages, for code that writes rows of attached tables. An id may be the alias of a message,
// which is then returned under this id.
#pragma once

#include "reflect/reflect.hpp"

extern "C" {
#include "access/transam.h"
}

namespace msgstatus {

// A message as it was read.
struct KnownMessage {
    Reflection reflection;
    // The transaction that wrote this version of its row.
    TransactionId written_by = InvalidTransactionId;
};

// Returns the messages that are known and have a status, in the order of ids. Within SPI, as the owner of
// the tables.
Vector<KnownMessage> read_messages(const Vector<Text> &ids);

// Locks the messages that are known, in the order of ids, against calls that apply statuses, and
// returns those that have a status. The ids must be sorted and distinct.
Vector<Reflection> lock_known_messages(const Vector<Text> &ids);

// Does the same, and locks the ids of unknown messages, too: a call that brings the first status of one
// waits until this transaction ends, and then sees what it did. That leaves no row behind, and fires no trigger.
Vector<Reflection> lock_messages(const Vector<Text> &ids);

// Locks messages and ids as lock_messages does, but so that this transaction may change or delete the messages' rows.
// The ids are taken as they are, be they aliases or not.
void lock_messages_to_change(const Vector<Text> &message_ids);

} // namespace msgstatus
