// The ids that messages have beside their own: the table message_alias.
#pragma once

#include "postgres/vector.hpp"

namespace msgstatus {

// A row of message_alias. A message that somebody called the alias of another one, and that is kept under its own id
// nevertheless, has a row that names it twice. So has an id that is no alias any more, with is_alias false.
struct Alias {
    Text alias;
    Text message_id;
    bool is_alias = true;
};

// Returns whether the table is there: not among tables that an earlier version made, until install() makes it.
bool can_keep_aliases();

// Returns false if no id has an alias, which it finds without reading a row: the table has no page then. A transaction
// that adds the first row adds the page before it commits.
bool may_have_aliases();

// Returns the rows of these ids, in the order of ids, as they are at the latest commit. Within SPI, as the owner of the
// tables.
Vector<Alias> aliases_among(const Vector<Text> &ids);

// Returns the rows whose message is one of these, without those that name a message twice. As aliases_among.
Vector<Alias> aliases_of(const Vector<Text> &message_ids);

// Returns the id under which a message is kept, given what aliases_among returned.
Text message_of(const Vector<Alias> &aliases, Text id);

// Returns the ids under which the messages with these ids are kept, sorted and distinct.
Vector<Text> messages_of(const Vector<Alias> &aliases, const Vector<Text> &ids);

// Writes rows, new ones or over those that are there, and deletes that of an id that has its message for itself again.
// The ids must be locked (lock_messages_to_change).
void write_aliases(const Vector<Alias> &aliases);

// Writes that an id, which must be locked, has its message for itself, and is not to become an alias by webhooks.
void write_forgotten_alias(Text id);

} // namespace msgstatus
