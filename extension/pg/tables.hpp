// The statements by which observations reach the tables, each for any number of observations.
#pragma once

#include "pg/observation.hpp"
#include "pg/written_message.hpp"

namespace msgstatus {

// What one call changes about one message: its observations merged.
struct MessageChange {
    Text message_id;
    Status status;
    MessageFacts facts;
    // The earliest failure that says why.
    std::optional<EventTime> error_at;
    ErrorInfo error;
    // Its distinct observations, in the order of their fingerprints.
    std::span<Observation *const> observations;
    // The earliest and the latest receipt of any of them.
    EventTime received_at = 0;
    EventTime last_received_at = 0;

    // Set by upsert_messages: the row was written, and is locked until the end of the transaction.
    bool written = false;
    // The states that were not in the row before.
    StateSet added_states = 0;
    // Something that was in the row has another value now: a column, or the time of a state.
    bool replaced = false;

    // Set by look_up_kept_out: the row was not written, and does not hold the status.
    bool kept_out = false;
};

// A scope in which the tables can be written: it opens SPI, and acts as the owner of the tables, so that a role needs
// no more than the right to call the function. Raises object_not_in_prerequisite_state (55000) with a HINT where
// install() was not called, or not for this version. close() must be called unless an error leaves by longjmp, which
// PostgreSQL's abort cleans up after.
class TableAccess {
public:
    TableAccess();
    void close();

private:
    Oid caller_ = InvalidOid;
    int caller_security_context_ = 0;
};

// upsert_messages merges the changes, sorted by message and distinct, into the messages, apart from those that would
// change nothing and whose observations are all in the trail as they are. On the others it sets what became of them.
// It returns the rows written, which live until TableAccess::close().
Vector<WrittenMessage> upsert_messages(std::span<MessageChange> changes);

// look_up_kept_out sets `kept_out` on the changes that were not written and are not in the messages, either.
void look_up_kept_out(std::span<MessageChange> changes);

// look_up_events sets `is_new` on the observations that are not in the trail, and `differs` on those whose event says
// something else, or was received later. The rows of their messages must be locked.
void look_up_events(std::span<Observation *const> observations);

// insert_events adds new observations to the trail.
void insert_events(std::span<Observation *const> observations);

// correct_events lets an earlier receipt of a known observation take the place of a later one, ties broken by value.
// Without it, the trail would depend on the order of the calls.
void correct_events(std::span<Observation *const> observations);

// insert_rejections keeps what could not be used.
void insert_rejections(std::span<const Rejection> rejections);

// insert_rejected_body keeps a body that jsonb refuses.
void insert_rejected_body(Text body, Text reason, EventTime received_at, Text source);

} // namespace msgstatus
