// Locks on messages and on ids of messages that are not there.
#pragma once

#include "observation/observation.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "nodes/lockoptions.h"
#include "storage/itemptr.h"
}

namespace msgstatus {

// Locks the id of an unknown message: inserts a row with it into `message` and deletes the row again. The unique index
// makes whoever inserts the same id later wait for this transaction to end. Both are done below the executor, so that
// no trigger fires, and no constraint, rule or policy applies, for a message that does not exist. Each index gets its
// entry, as PostgreSQL expects of every row. Requires an open SPI connection and the tables' owner as the current user.
// An error leaves its objects to the end of the subtransaction.
//
// Known messages are locked below the executor, too, as ON CONFLICT locks a row. SELECT ... FOR UPDATE follows a row
// that got another id: it waits for its lock, and holds it, at another place of the order.
class MessageKeys {
public:
    // Returns false if only the executor can write such a row: the table is partitioned, or has no plain unique
    // index on the id, or a column that may not be null and has no default.
    bool open();

    // Waits for whoever inserts, writes or locks the message, and locks it. Returns false if there is none.
    bool lock(Text message_id, LockTupleMode mode);

    // Returns false if another transaction was faster; lock then waits for that one.
    bool take(Text message_id);

    // Deletes the rows. Their ids stay locked until the transaction ends.
    void close();

private:
    struct Default {
        int column;
        ExprState *expression;
    };

    void find_index();
    bool may_be_left_out(int column) const;
    void prepare_defaults();
    void begin_row(Text message_id);
    void fill_row();
    bool lock_row(ItemPointerData &row, LockTupleMode mode);

    Relation message_ = nullptr;
    EState *state_ = nullptr;
    ResultRelInfo *target_ = nullptr;
    TupleTableSlot *row_ = nullptr;
    TupleTableSlot *locked_ = nullptr;
    List *index_ = nullptr;
    int key_ = 0;
    bool has_defaults_ = false;
    Vector<Default> defaults_;
    Vector<ItemPointerData> rows_;
};

} // namespace msgstatus
