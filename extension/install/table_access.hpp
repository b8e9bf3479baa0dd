// The right to write the tables.
#pragma once

#include "postgres/vector.hpp"

namespace msgstatus {

// A scope in which the tables can be written: it opens SPI, and acts as the owner of the tables, so that a role needs
// no more than the right to call the function. Raises object_not_in_prerequisite_state (55000) with a HINT where
// install() was not called, and feature_not_supported (0A000) where it was for a version that this library does not
// serve. close() must be called unless an error leaves by longjmp, which PostgreSQL's abort cleans up after.
class TableAccess {
public:
    TableAccess();
    void close();

private:
    Oid caller_ = InvalidOid;
    int caller_security_context_ = 0;
    // 0 where no setting had to be changed.
    int settings_level_ = 0;
    // The owner's code, as triggers on `message`, must not run as the caller at commit: see deferred_triggers.hpp.
    Vector<Oid> pending_before_;
};

} // namespace msgstatus
