// libpq on Asio: one connection that never blocks.
#pragma once

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <libpq-fe.h>

#include "base/net.hpp"

namespace msgstatus::receiver {

struct PgResultFree {
    void operator()(PGresult *result) const noexcept { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, PgResultFree>;

/// Returns the SQLSTATE of a failed command, empty if the connection broke.
std::string_view sqlstate_of(const PgResult &result) noexcept;

/// Returns the primary message of a failed command. It may hold data; detail and context, which hold whole bodies, are
/// never asked for.
std::string_view primary_message_of(const PgResult &result) noexcept;

/// Returns the hint of a failed command, empty if it has none.
std::string_view hint_of(const PgResult &result) noexcept;

/// Connecting failed, or the connection broke or is given up; the result of a command in flight is not known.
class ConnectionLost : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A parameter in binary format, or in text format, which libpq takes to end at a NUL byte.
struct PgParameter {
    std::string_view bytes;
    bool binary = true;
};

/// PgConnection holds one connection, connects anew when told to, and runs one command at a time.
class PgConnection {
public:
    /// @param wake  woken when a result may be complete or the connection is lost
    PgConnection(const Executor &executor, Event &wake);
    ~PgConnection();
    PgConnection(const PgConnection &) = delete;
    PgConnection &operator=(const PgConnection &) = delete;

    /// Connects. Host names are looked up in a thread of Asio's, since libpq would hold up the program meanwhile, and
    /// handed to libpq as addresses.
    /// @param conninfo  libpq connection string, URI or name of a database
    /// @throws ConnectionLost
    Awaitable<> connect(const std::string &conninfo);

    /// Returns how many hosts the connection string names, each of which may take its time.
    std::size_t hosts() const noexcept { return hosts_; }
    /// Returns whether host names are being looked up, which cannot be broken off.
    bool is_resolving() const noexcept { return resolving_; }

    /// The role, the database and the encoding of an open connection.
    std::string user() const { return PQuser(connection_.get()); }
    std::string database() const { return PQdb(connection_.get()); }
    std::string server_encoding() const;

    /// Send a command, whose result() then has to be awaited. execute runs a prepared statement, with its result in
    /// binary format.
    void query(const char *sql);
    void prepare(const char *name, const char *sql, std::span<const unsigned> types);
    void execute(const char *name, std::span<const PgParameter> parameters);

    /// Returns the result of the command; with several, the first that failed, or else the last one. Never null.
    /// @throws ConnectionLost, also if the server breaks its protocol or leaves a transaction open
    Awaitable<PgResult> result();

    /// Throws if the connection is lost.
    /// @throws ConnectionLost
    void check() const;

    /// Gives the connection up, for the given reason.
    void fail(const std::string &reason);

private:
    struct Finish {
        void operator()(PGconn *connection) const noexcept { PQfinish(connection); }
    };
    struct Target; // what to connect to, with host names resolved

    Awaitable<Target> resolve(const std::string &conninfo);
    void start(const std::string &conninfo, const Target &target);
    void wait(bool for_write);
    void on_ready(bool for_write);
    void sent(int ok);
    void flush();
    void close();
    std::string error_text() const;

    Executor executor_;
    Event &wake_;
    boost::asio::ip::basic_resolver<boost::asio::ip::tcp, Executor> resolver_;
    Descriptor descriptor_;
    std::unique_ptr<PGconn, Finish> connection_;
    std::string lost_;             ///< why there is no connection
    std::uint64_t generation_ = 0; ///< of the connection: what was waited for on an earlier one is void
    std::size_t hosts_ = 1;
    bool resolving_ = false;
    bool flushing_ = false;
    bool waiting_read_ = false;
    bool waiting_write_ = false;
};

} // namespace msgstatus::receiver
