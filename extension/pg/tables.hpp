// The statements by which observations reach the tables: one for each table, whatever the number of observations.
#pragma once

#include "pg/observation.hpp"

namespace msgstatus {

// What one call changes about one message: its observations merged.
struct MessageChange {
    Text message_id;
    Status status;
    MessageFacts facts;
    // The earliest failure that says why.
    std::optional<EventTime> error_at;
    ErrorInfo error;
    // At least one observation is new, so the message changes for sure, or almost.
    bool has_new_observation = false;
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

// insert_events adds the observations, sorted by message and fingerprint and distinct, to the audit trail, and sets
// is_new on those that were not in it yet.
void insert_events(std::span<Observation *const> observations);

// mark_differing sets `differs` on the observations whose event in the trail says something else, or was received
// later. Writes nothing.
void mark_differing(std::span<Observation *const> observations);

// correct_events lets an earlier receipt of a known observation take the place of a later one, ties broken by value.
// Without it, the trail would depend on the order of the calls.
void correct_events(std::span<Observation *const> observations);

// upsert_messages merges the changes, sorted by message and distinct, into the messages. Where some of them hold no new
// observation, it adds the ids of all messages that were written to `changed`.
void upsert_messages(std::span<const MessageChange> changes, Vector<Text> &changed);

// insert_rejections keeps what could not be used.
void insert_rejections(std::span<const Rejection> rejections);

// insert_rejected_body keeps a body that jsonb refuses.
void insert_rejected_body(Text body, Text reason, EventTime received_at, Text source);

} // namespace msgstatus
