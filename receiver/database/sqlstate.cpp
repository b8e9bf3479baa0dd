#include "database/sqlstate.hpp"

namespace msgstatus::receiver {

Failure classify_failure(std::string_view sqlstate) noexcept {
    const std::string_view kind = sqlstate.substr(0, 2);
    if (sqlstate.empty() || kind == "08" || kind == "53" || sqlstate.starts_with("57P") ||
        sqlstate == "25006"     // read-only: a standby, or a server that shall take nothing
        || sqlstate == "26000"  // our prepared statement is gone (DISCARD ALL, a pooler)
        || sqlstate == "0A000"  // cached plan must not change result type: the extension was updated
        || sqlstate == "58030") // I/O error
        return Failure::unavailable;
    if (kind == "22" || kind == "54")
        return Failure::data;
    if (kind == "40")
        return Failure::conflict;
    return Failure::other;
}

} // namespace msgstatus::receiver
