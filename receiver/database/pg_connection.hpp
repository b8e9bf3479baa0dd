// libpq on Asio: one connection that never blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <libpq-fe.h>

#include "http/net.hpp"

namespace msgstatus::receiver {

struct PgResultFree {
    void operator()(PGresult *result) const noexcept { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, PgResultFree>;

/// sqlstate_of does return the SQLSTATE of a failed command, empty if the connection broke.
std::string_view sqlstate_of(const PgResult &result) noexcept;

/// primary_message_of does return the primary message of a failed command. It may hold data; detail and context, which
/// hold whole bodies, are never asked for.
std::string_view primary_message_of(const PgResult &result) noexcept;

/// Returns the hint of a failed command, empty if it has none.
std::string_view hint_of(const PgResult &result) noexcept;

/// What a connection tells its owner.
class PgOwner {
public:
    virtual ~PgOwner() = default;
    /// The connection stands.
    virtual void pg_connected() = 0;
    /// The command is complete; with several results, the first failed or else the last one. Never null.
    virtual void pg_result(PgResult result) = 0;
    /// Connecting failed, or the connection broke; the result of a command in flight is not known. It is closed
    /// already.
    virtual void pg_lost(const std::string &reason) = 0;
};

/// A parameter in binary format, or in text format, which libpq takes to end at a NUL byte.
struct PgParameter {
    std::string_view bytes;
    bool binary = true;
};

/// PgConnection does hold one connection, connects anew when told to, and runs one command at a time. The owner is
/// never called from within a call to the connection.
class PgConnection {
public:
    /// @param owner  must outlive the connection
    PgConnection(boost::asio::io_context &context, PgOwner &owner);
    ~PgConnection();
    PgConnection(const PgConnection &) = delete;
    PgConnection &operator=(const PgConnection &) = delete;

    /// connect does start connecting; pg_connected or pg_lost follows.
    /// @param conninfo  libpq connection string, URI or name of a database
    void connect(const std::string &conninfo);

    /// hosts does return how many hosts the connection string names, each of which may take its time.
    std::size_t hosts() const;

    /// Returns the role and the database of an open connection.
    std::string user() const { return PQuser(connection_.get()); }
    std::string database() const { return PQdb(connection_.get()); }

    void query(const char *sql);
    void prepare(const char *name, const char *sql, std::span<const unsigned> types);
    /// execute does run a prepared statement, with its result in binary format.
    void execute(const char *name, std::span<const PgParameter> parameters);

    /// close does close the connection without further word to the owner.
    void close();

private:
    struct Finish {
        void operator()(PGconn *connection) const noexcept { PQfinish(connection); }
    };

    void poll_connect();
    void watch();
    void wait(bool for_write);
    void on_ready(bool for_write);
    void sent(int ok);
    bool flush();
    void take_results();
    void lose();
    void lose_later();

    boost::asio::io_context &context_;
    PgOwner &owner_;
    Descriptor descriptor_;
    std::unique_ptr<PGconn, Finish> connection_;
    PgResult result_;
    std::uint64_t generation_ = 0; ///< of the connection: what was waited for on an earlier one is void
    PostgresPollingStatusType poll_ = PGRES_POLLING_WRITING;
    bool connecting_ = false;
    bool busy_ = false;
    bool flushing_ = false;
    bool waiting_read_ = false;
    bool waiting_write_ = false;
};

} // namespace msgstatus::receiver
