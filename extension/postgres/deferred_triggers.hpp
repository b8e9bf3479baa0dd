// Runs the deferred triggers that statements on an attached table queue.
//
// PostgreSQL before 18 runs a deferred trigger at commit as the role that commits, not as the role whose statement
// queued it. So the code of an attached table's trigger could run with the rights of any role that applies a status.
#pragma once

#include "postgres/postgres.hpp"
#include "postgres/vector.hpp"

namespace msgstatus {

enum class Deferred : std::uint8_t {
    any,
    // All except foreign keys, whose checks and actions PostgreSQL runs as the owner of their table.
    code_of_a_user,
};

// Returns the relations with deferred triggers that wait for the end of the transaction. Requires an open SPI
// connection.
Vector<Oid> relations_with_pending_triggers(Deferred kind);

// Makes PostgreSQL check the deferrable constraints at once while this is open: within a security-restricted operation
// it raises an error when a statement would defer a trigger. Runs no pending trigger: constraints of relations with
// pending triggers stay as they are, and so do those of partitioned tables while any trigger is pending. Loses an
// earlier SET CONSTRAINTS of the transaction, and also makes constraints immediate that the transaction creates later.
class ImmediateConstraints {
public:
    // `pending` is the result of relations_with_pending_triggers(Deferred::any).
    explicit ImmediateConstraints(const Vector<Oid> &pending);

    // Defers again the constraints that are initially deferred.
    void close();

private:
    bool are_all_ = false;
    const char *initially_deferred_ = nullptr;
};

// Runs, as the current user, the deferred triggers of relations that had none pending in `before`, except those of
// `own`. A relation with pending triggers in `before` was written by the caller itself, so its triggers run as the
// caller anyhow. Then defers again the constraints that are initially deferred. Raises what the triggers raise, and
// program_limit_exceeded (54000) if triggers queue further triggers without end.
void run_triggers_deferred_since(const Vector<Oid> &before, Deferred kind, Oid own = InvalidOid);

} // namespace msgstatus
