#include "database/sqlstate.hpp"

#include <algorithm>

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

// Returns the name as a role's, within a string literal.
static std::string quoted_role(std::string_view role) {
    const bool is_plain = std::all_of(
        role.begin(), role.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    std::string name;
    for (const char c : role)
        name.append(c == '"' || c == '\'' ? 2 : 1, c);
    return is_plain ? name : '"' + name + '"';
}

std::string setup_hint(std::string_view sqlstate, std::string_view server_hint, std::string_view role) {
    if (sqlstate == "3F000" || sqlstate == "42883" || sqlstate == "42P01")
        return "Run: CREATE EXTENSION msgstatus; SELECT msgstatus.install();";
    if (sqlstate == "55000")
        return server_hint.empty() ? "Run: SELECT msgstatus.install();" : std::string(server_hint);
    if (sqlstate == "42501")
        return "Run: SELECT msgstatus.grant_access('" + quoted_role(role) + "', 'ingest');";
    return {};
}

} // namespace msgstatus::receiver
