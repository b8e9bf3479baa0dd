// The statements that merge changes into the table `message`.
#pragma once

#include <cstdint>

namespace msgstatus {

// The statements for changes that have no value outside a set of columns (columns_of). The fewer columns, the less
// there is to set up for each call, which is most of the cost of a small one. Those that write return the columns
// written_message reads.
struct MessageStatements {
    // Merges an array of changes, in their order, apart from those that would change nothing.
    const char *merge;
    // The same, where most messages are new and all changes are received at the time of the change: it looks at a
    // message only where it meets one, which it then locks.
    const char *merge_new;
    // The others take one change, its columns as parameters: setting up the scan of an array, the look and the conflict
    // in one statement would be most of the cost of a call with one status.
    //
    // Returns of the row of the message: whether the change would change anything, whether it would change a
    // column besides the status and the times, and which transaction wrote the row.
    const char *look_at_one;
    // Merges the change into the message's row, provided the row's xmin still equals the additional last parameter.
    const char *update_one;
    // Merges the change, whether or not the message is there.
    const char *merge_one;
};

// Returns their texts, palloc'd in the current context.
MessageStatements message_statements(std::uint32_t columns);

// Returns the text of the statement that merges the message $1 into the message $2, whose known events become those of
// $3, too, and deletes it. Both are there, and are rows of one message: of a column that register_message gave one of
// them, its value stays.
const char *unite_text();

// Returns the text of the statement that gives the message $1 the id $2, which none has, and the known events $3.
const char *rename_text();

} // namespace msgstatus
