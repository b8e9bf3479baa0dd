// How what is known of messages gets into the tables that users attached.
#pragma once

#include "attach/attached_tables.hpp"
#include "observation/observation.hpp"

namespace msgstatus {

// A message on its way into attached tables.
struct Reflection {
    Text message_id;
    Status status;
    ErrorInfo error;
    // 1 if this call brought its first failure, 0 if not; nothing where that is not known.
    std::optional<int> failures;
    EventTime changed_at = 0;
};

// Brings the rows of messages, which are sorted by id, up to date in one table, and returns how many of the
// messages it failed for. Those are written down in attached_table_failure, and their neighbours' rows are right: what
// raised an error is tried again by halves. A deadlock is tried again, too, since the locks are given away by then.
// Raised on is what ends the call whatever the table does: serialization_failure (40001) and class 57 (cancellation),
// where PostgreSQL itself raises them. A trigger that raises one of these codes makes its row fail like any other
// error; so does a want of resources, which the call meets by itself if it lasts.
int reflect_in(const AttachedTable &table, std::span<const Reflection> messages, bool is_restricted);

// Returns whether a statement that is under way adds rows of the message to this history. Those rows need no
// reflection: the statement adds all that the message lacks.
bool is_being_recorded(int table_id, Text message_id);

// Returns whether reflect_in raises the error on.
bool is_not_the_tables_fault(const ErrorData &error);

} // namespace msgstatus
