// libpq on Asio: one connection that never blocks.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <libpq-fe.h>

#include "base/net.hpp"

namespace msgstatus::receiver {

struct PgFree {
    void operator()(PGresult *result) const noexcept { PQclear(result); }
    void operator()(PGconn *connection) const noexcept { PQfinish(connection); }
    void operator()(PGcancel *request) const noexcept { PQfreeCancel(request); }
};
using PgResult = std::unique_ptr<PGresult, PgFree>;

bool succeeded(const PgResult &result) noexcept;

/// Returns a field of a failed command's error (PG_DIAG_...), empty if it has none. Detail and context, which hold
/// whole bodies, are never asked for.
std::string_view error_field(const PgResult &result, int field) noexcept;

/// Returns the SQLSTATE of a failed command, empty if the connection broke.
inline std::string_view sqlstate_of(const PgResult &result) noexcept {
    return error_field(result, PG_DIAG_SQLSTATE);
}

/// Returns the primary message of a failed command. It may hold data.
std::string primary_message_of(const PgResult &result);

/// Connecting failed, or the connection broke or is given up; the result of a command in flight is not known.
class ConnectionLost : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Who connects.
struct PgLogin {
    const char *application = "msgstatus-receiver";
    std::string user; ///< empty: whom the connection string names
    std::string password;
};

/// PgConnection holds one connection, connects anew when told to, and runs one command at a time.
class PgConnection {
public:
    /// @param wake  woken when a result may be complete or the connection is lost
    PgConnection(const Executor &executor, Event &wake);
    ~PgConnection();
    PgConnection(const PgConnection &) = delete;
    PgConnection &operator=(const PgConnection &) = delete;

    /// Connects, in a thread of its own: libpq looks up host names and reads files, which may take any time.
    /// @param conninfo  libpq connection string, URI or name of a database
    /// @throws ConnectionLost; where the login is a person's, with no text but the SQLSTATE that the server gave
    Awaitable<> connect(std::string conninfo, PgLogin login);
    Awaitable<> connect(std::string conninfo); ///< as the receiver
    bool is_connecting() const noexcept { return connecting_; }

    /// Returns the open connection, to ask for its properties.
    const PGconn *get() const noexcept { return connection_.get(); }

    /// Send a command, whose result() then has to be awaited. execute runs a prepared statement, with parameters and
    /// result in binary format.
    void query(const std::string &sql);
    void execute(const char *name, std::span<const std::string_view> parameters);

    /// Returns the result of the command; with several, the first that failed, or else the last one. Never null.
    /// @param time  after which the server is taken for lost
    /// @throws ConnectionLost, also if the server breaks its protocol or leaves a transaction open
    Awaitable<PgResult> result(std::chrono::milliseconds time);

    /// Asks the server to give up the command in flight, in a thread of its own, whose end wakes. Not again before
    /// that.
    /// @param owner  keeps this connection until then, so that closing it waits for no network
    void cancel(std::shared_ptr<void> owner);
    bool is_cancelling() const noexcept { return cancelling_; }

    /// Throws if the connection is lost.
    /// @throws ConnectionLost
    void check() const;

    /// Gives the connection up, for the given reason.
    void close(const std::string &reason);

private:
    using Connection = std::unique_ptr<PGconn, PgFree>;

    Connection open(const std::string &conninfo, const PgLogin &login) const;
    void wait(Descriptor::wait_type what);
    void flush(bool accepted);
    void lose(const std::string &reason);
    std::string error_text() const;

    Executor executor_;
    Event &wake_;
    Descriptor descriptor_; ///< libpq's, which also closes it
    Connection connection_;
    std::string lost_ = "not connected"; ///< why there is no connection
    std::uint64_t generation_ = 0;       ///< of the connection: what was waited for on an earlier one is void
    bool waits_to_send_ = false;         ///< what libpq has left
    bool cancelling_ = false;
    bool connecting_ = false;
    std::thread thread_; ///< which connects, or cancels
    std::atomic<bool> abandoned_ = false;
};

} // namespace msgstatus::receiver
