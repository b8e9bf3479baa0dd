#include "http/http_server.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <vector>

#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "observe/log.hpp"

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds sweep_interval(200);

} // namespace

HttpServer::HttpServer(asio::io_context &context, RequestHandler &handler, BufferBudget &budget,
                       const HttpLimits &limits)
    : handler_(handler), budget_(budget), limits_(limits), acceptor_(context.get_executor()),
      sweep_timer_(context.get_executor()), accept_timer_(context.get_executor()) {
    update_date();
}

Endpoint HttpServer::listen(const Endpoint &endpoint) {
    tcp::resolver resolver(acceptor_.get_executor());
    const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                        tcp::resolver::passive | tcp::resolver::numeric_service);
    const tcp::endpoint address = found.begin()->endpoint();
    acceptor_.open(address.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(address);
    acceptor_.listen(asio::socket_base::max_listen_connections);
    return start();
}

Endpoint HttpServer::adopt(int descriptor) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        throw boost::system::system_error(error_code(errno, boost::system::system_category()));
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6)
        throw boost::system::system_error(asio::error::address_family_not_supported);
    acceptor_.assign(address.ss_family == AF_INET ? tcp::v4() : tcp::v6(), descriptor);
    return start();
}

Endpoint HttpServer::start() {
    acceptor_.non_blocking(true);
    accept();
    sweep();
    const tcp::endpoint bound = acceptor_.local_endpoint();
    return {.host = bound.address().to_string(), .port = bound.port()};
}

void HttpServer::accept() {
    if (accepting_ || draining_ || sessions_.size() >= limits_.max_connections)
        return; // beyond the limit, connections wait in the backlog
    accepting_ = true;
    acceptor_.async_accept([this](error_code ec, Socket socket) {
        accepting_ = false;
        if (ec == asio::error::operation_aborted)
            return;
        if (!ec)
            begin_session(std::move(socket));
        if (!ec || ec == asio::error::connection_aborted) {
            accept();
            return;
        }
        // Out of file descriptors or memory: trying again at once would only burn the processor.
        log(LogLevel::error, "accept failed", {{"reason", ec.message()}});
        accept_timer_.expires_after(std::chrono::milliseconds(100));
        accept_timer_.async_wait([this](error_code cancelled) {
            if (!cancelled)
                accept();
        });
    });
}

void HttpServer::begin_session(Socket socket) {
    error_code ec;
    const tcp::endpoint remote = socket.remote_endpoint(ec);
    const Address peer = ec ? Address() : Address(remote.address());
    if (!may_connect(peer))
        return;
    const auto session =
        std::make_shared<HttpSession>(*this, Stream(std::move(socket), tls_ ? tls_->native() : nullptr), peer);
    sessions_.insert(session);
    session->start();
}

bool HttpServer::is_counted(const Address &peer) const noexcept {
    return limits_.max_connections_per_address > 0 && !limits_.trusted_proxies.contains(peer);
}

// may_connect does count a connection, if its address has not too many.
bool HttpServer::may_connect(const Address &peer) {
    if (!is_counted(peer))
        return true;
    std::size_t &count = connections_of_[peer.subscriber()];
    if (count < limits_.max_connections_per_address) {
        ++count;
        return true;
    }
    ++refused_connections_;
    if (refusal_log_.admit())
        log(LogLevel::warning, "too many connections of an address",
            {{"client", peer.text()}, {"suppressed", refusal_log_.take_suppressed()}});
    return false;
}

void HttpServer::forget(const std::shared_ptr<HttpSession> &session) {
    sessions_.erase(session);
    if (is_counted(session->peer())) {
        const auto count = connections_of_.find(session->peer().subscriber());
        if (--count->second == 0)
            connections_of_.erase(count);
    }
    accept();
    finish_drain();
}

void HttpServer::sweep() {
    update_date();
    const Clock::time_point now = Clock::now();
    // Sessions leave the set when they end.
    const std::vector<std::shared_ptr<HttpSession>> sessions(sessions_.begin(), sessions_.end());
    for (const auto &session : sessions)
        session->sweep(now);
    sweep_timer_.expires_after(sweep_interval);
    sweep_timer_.async_wait([this](error_code cancelled) {
        if (!cancelled)
            sweep();
    });
}

void HttpServer::update_date() {
    const std::time_t now = std::time(nullptr);
    if (now == date_second_)
        return;
    date_second_ = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    date_header_.assign(text.data(), size);
}

void HttpServer::drain(std::function<void()> done) {
    draining_ = true;
    drained_ = std::move(done);
    // Who is in the backlog has been told by the system that the connection stands.
    error_code ec;
    while (acceptor_.is_open()) {
        Socket socket(acceptor_.get_executor());
        acceptor_.accept(socket, ec);
        if (ec)
            break;
        begin_session(std::move(socket));
    }
    acceptor_.close(ec);
    const std::vector<std::shared_ptr<HttpSession>> sessions(sessions_.begin(), sessions_.end());
    for (const auto &session : sessions)
        session->drain();
    finish_drain();
}

void HttpServer::finish_drain() {
    if (!draining_ || !sessions_.empty() || !drained_)
        return;
    sweep_timer_.cancel();
    accept_timer_.cancel();
    // Not from within a session that is just closing.
    asio::post(acceptor_.get_executor(), std::exchange(drained_, nullptr));
}

void HttpServer::close_all() {
    const std::vector<std::shared_ptr<HttpSession>> sessions(sessions_.begin(), sessions_.end());
    for (const auto &session : sessions)
        session->close();
}

} // namespace msgstatus::receiver
