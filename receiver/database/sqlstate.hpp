// What a failure of a call means for the webhooks in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

enum class Failure : std::uint8_t {
    data,        ///< a body that jsonb refuses: it would fail again, its neighbours not
    conflict,    ///< serialization failure or deadlock: the same call may well succeed now
    unavailable, ///< the server cannot take anything now: reconnect
    other,       ///< e.g. a user's trigger that raises: perhaps for one message only
};

/// classify_failure does tell what kind of failure an SQLSTATE is (PostgreSQL documentation, appendix A).
/// @param sqlstate  five characters, or empty if the connection broke
Failure classify_failure(std::string_view sqlstate) noexcept;

/// Returns what mends a database that is not set up for the receiver, empty if the SQLSTATE has another cause as a
/// rule.
/// @param server_hint  of the same error; it knows best whether tables are missing or of another version
/// @param role         who the receiver connects as
std::string setup_hint(std::string_view sqlstate, std::string_view server_hint, std::string_view role);

} // namespace msgstatus::receiver
