// Gives a call the right to write the tables.
#pragma once

#include "postgres/vector.hpp"

namespace msgstatus {

// A scope that opens SPI and acts as the owner of the tables, so that a role needs only the right to call the function.
// Raises object_not_in_prerequisite_state (55000) with a HINT if install() was not called, and feature_not_supported
// (0A000) if the tables are of a version that this library does not serve. The user must call close(), except after an
// error that leaves by longjmp, which the abort of the transaction cleans up.
class TableAccess {
public:
    TableAccess();
    void close();

private:
    Oid caller_ = InvalidOid;
    int caller_security_context_ = 0;
    // 0 if no setting had to be changed.
    int settings_level_ = 0;
    // The owner's code, such as triggers on `message`, must not run as the caller at commit: see deferred_triggers.hpp.
    Vector<Oid> pending_before_;
};

} // namespace msgstatus
