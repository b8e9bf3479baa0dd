// A listener and its connections.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>

#include "access/address.hpp"
#include "base/endpoint.hpp"
#include "http/limits.hpp"
#include "http/session.hpp"
#include "observe/log.hpp"

namespace msgstatus::receiver {

/// Server accepts connections, at most so many at a time, and looks after their times. Beyond its limit it closes the
/// connection that has kept it waiting for a request the longest; where none does, more wait in the backlog.
class Server {
public:
    Server(boost::asio::io_context &context, RequestHandler &handler, BufferBudget &budget, const HttpLimits &limits);
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    /// Binds the address and starts accepting.
    /// @param reuse_port  other processes may listen on the same port, and the system spreads the connections
    /// @return the address with the port in use
    /// @throws boost::system::system_error if the address cannot be had
    Endpoint listen(const Endpoint &endpoint, bool reuse_port);

    /// The same on a Unix socket. Who comes by it has the address `::`.
    /// @param path  what is left there of an earlier socket is removed
    Endpoint listen(const std::string &path);

    /// Starts accepting on a TCP socket that listens already.
    /// @return its address
    /// @throws boost::system::system_error if it is no such socket
    Endpoint adopt(int descriptor);

    /// Speaks TLS on connections that come from now on.
    void use_tls(std::shared_ptr<TlsContext> tls) { tls_ = std::move(tls); }

    /// Stops accepting and closes every connection when its request is answered.
    /// @param done  called once, when no connection is left
    void drain(std::function<void()> done);

    /// Serves a connection, unless its address has too many.
    /// @return its session, or null
    std::shared_ptr<Session> serve(Socket socket);

    std::size_t connections() const noexcept { return sessions_.size(); }

    struct Counters {
        std::uint64_t failed_handshakes = 0; ///< or such as took too long
        std::uint64_t refused = 0;           ///< connections of addresses that had too many
        std::uint64_t evicted = 0;           ///< connections closed to make room for others
    };
    const Counters &counters() const noexcept { return counters_; }

    // For the connections.
    RequestHandler &handler() noexcept { return handler_; }
    BufferBudget &budget() noexcept { return budget_; }
    const HttpLimits &limits() const noexcept { return limits_; }
    Sessions &sessions() noexcept { return sessions_; }
    std::string next_request_id();
    void handshake_failed() noexcept { ++counters_.failed_handshakes; }
    void forget(Sessions::iterator place);
    void failed(); ///< to serve a connection

private:
    void begin();
    Endpoint start();
    Awaitable<> accept();
    Awaitable<> keep_times();
    bool is_counted(const Address &peer) const noexcept;
    bool may_connect(const Address &peer);
    void make_room();
    void finish_drain();

    RequestHandler &handler_;
    BufferBudget &budget_;
    HttpLimits limits_;
    Acceptor acceptor_;
    Event room_;  ///< a connection has ended
    Event times_; ///< ends keep_times
    Sessions sessions_;
    std::unordered_map<std::uint64_t, std::size_t> connections_of_; ///< by subscriber; only with a limit
    std::function<void()> drained_;
    std::shared_ptr<TlsContext> tls_; ///< null: plain
    std::mt19937_64 random_{std::random_device()()};
    Counters counters_;
    LogLimiter refusal_log_;
    LogLimiter eviction_log_;
    LogLimiter accept_log_;
    LogLimiter failure_log_;
    bool draining_ = false;
};

} // namespace msgstatus::receiver
