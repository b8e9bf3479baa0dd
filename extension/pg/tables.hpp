// The statements by which observations reach the tables, each for any number of observations.
#pragma once

#include "pg/observation.hpp"
#include "pg/vector.hpp"

namespace msgstatus {

// A scope in which the tables can be written: it opens SPI, and acts as the owner of the tables, so that a role needs
// no more than the right to call the function. Raises object_not_in_prerequisite_state (55000) with a HINT where
// install() was not called, and feature_not_supported (0A000) where it was for a version that this library does not
// serve. close() must be called unless an error leaves by longjmp, which
// PostgreSQL's abort cleans up after.
class TableAccess {
public:
    TableAccess();
    void close();

private:
    Oid caller_ = InvalidOid;
    int caller_security_context_ = 0;
    // The owner's code, as triggers on `message`, must not run as the caller at commit: see deferred_triggers.hpp.
    Vector<Oid> pending_before_;
};

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
