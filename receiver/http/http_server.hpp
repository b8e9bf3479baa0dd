// A listener and its connections.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include <boost/beast/core/flat_buffer.hpp>

#include "access/address.hpp"
#include "http/buffer_budget.hpp"
#include "config/endpoint.hpp"
#include "http/http_session.hpp"
#include "http/net.hpp"
#include "http/request_handler.hpp"
#include "http/request_id.hpp"
#include "http/tls_context.hpp"
#include "observe/log.hpp"

namespace msgstatus::receiver {

struct HttpLimits {
    std::size_t body_limit = 0;
    std::size_t max_connections = 0;
    std::size_t max_connections_per_address = 0; ///< 0: no limit; trusted proxies have none
    AddressList trusted_proxies;
    std::chrono::milliseconds tls_handshake_timeout{};
    std::chrono::milliseconds header_timeout{};
    std::chrono::milliseconds body_timeout{};
    std::chrono::milliseconds idle_timeout{};
    std::chrono::milliseconds request_timeout{};
};

/// HttpServer does accept connections, at most so many at a time, and looks after their times.
class HttpServer {
public:
    HttpServer(boost::asio::io_context &context, RequestHandler &handler, BufferBudget &budget,
               const HttpLimits &limits);
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    /// listen does bind the address and starts accepting.
    /// @return the address with the port in use
    /// @throws boost::system::system_error if the address cannot be had
    Endpoint listen(const Endpoint &endpoint);

    /// adopt does start accepting on a TCP socket that listens already.
    /// @return its address
    /// @throws boost::system::system_error if it is no such socket
    Endpoint adopt(int descriptor);

    /// use_tls does speak TLS on connections that come from now on.
    void use_tls(std::shared_ptr<const TlsContext> tls) { tls_ = std::move(tls); }

    /// drain does stop accepting and closes every connection when its requests are answered.
    /// @param done  called once, when no connection is left
    void drain(std::function<void()> done);

    /// close_all does close every connection at once.
    void close_all();

    std::size_t connections() const noexcept { return sessions_.size(); }

    /// failed_handshakes does return how many TLS handshakes have failed or taken too long.
    std::uint64_t failed_handshakes() const noexcept { return failed_handshakes_; }

    /// refused_connections does return how many were closed because their address had too many.
    std::uint64_t refused_connections() const noexcept { return refused_connections_; }

    // For the connections.
    RequestHandler &handler() noexcept { return handler_; }
    BufferBudget &budget() noexcept { return budget_; }
    const HttpLimits &limits() const noexcept { return limits_; }
    const std::string &date_header() const noexcept { return date_header_; }
    RequestIds &request_ids() noexcept { return request_ids_; }
    /// spare_buffer does give what connections lend each other to read into.
    boost::beast::flat_buffer &spare_buffer() noexcept { return spare_buffer_; }
    void handshake_failed() noexcept { ++failed_handshakes_; }
    void forget(const std::shared_ptr<HttpSession> &session);

private:
    Endpoint start();
    void accept();
    void begin_session(Socket socket);
    bool is_counted(const Address &peer) const noexcept;
    bool may_connect(const Address &peer);
    void sweep();
    void update_date();
    void finish_drain();

    RequestHandler &handler_;
    BufferBudget &budget_;
    HttpLimits limits_;
    Acceptor acceptor_;
    Timer sweep_timer_;
    Timer accept_timer_;
    std::unordered_set<std::shared_ptr<HttpSession>> sessions_;
    std::unordered_map<std::uint64_t, std::size_t> connections_of_; ///< by subscriber; only with a limit
    std::function<void()> drained_;
    std::shared_ptr<const TlsContext> tls_; ///< null: plain
    boost::beast::flat_buffer spare_buffer_;
    RequestIds request_ids_;
    std::string date_header_;
    std::int64_t date_second_ = 0;
    std::uint64_t failed_handshakes_ = 0;
    std::uint64_t refused_connections_ = 0;
    LogLimiter refusal_log_;
    bool accepting_ = false;
    bool draining_ = false;
};

} // namespace msgstatus::receiver
