#include "http/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/spawn.hpp"

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::milliseconds sweep_interval(200);
constexpr std::chrono::milliseconds accept_pause(100);
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

} // namespace

Server::Server(asio::io_context &context, RequestHandler &handler, BufferBudget &budget, const HttpLimits &limits)
    : handler_(handler), budget_(budget), limits_(limits), acceptor_(context.get_executor()),
      room_(context.get_executor()), times_(context.get_executor()) {}

Endpoint Server::listen(const Endpoint &endpoint, bool reuse_port) {
    tcp::resolver resolver(acceptor_.get_executor());
    const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                        tcp::resolver::passive | tcp::resolver::numeric_service);
    const tcp::endpoint address = found.begin()->endpoint();
    acceptor_.open(address.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    if (reuse_port)
        acceptor_.set_option(ReusePort(true));
    acceptor_.bind(address);
    acceptor_.listen(asio::socket_base::max_listen_connections);
    return start();
}

Endpoint Server::listen(const std::string &path) {
    const auto check = [](bool good) {
        if (!good)
            throw boost::system::system_error(error_code(errno, boost::system::system_category()));
    };
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    errno = ENAMETOOLONG;
    check(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(descriptor >= 0);
    acceptor_.assign(tcp::v6(), descriptor); // Asio does with it what it does with any other
    struct stat old {};
    if (lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode))
        unlink(path.c_str());
    check(bind(descriptor, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    check(chmod(path.c_str(), 0660) == 0); // for the proxy's group; who may come near is the directory's affair
    check(::listen(descriptor, asio::socket_base::max_listen_connections) == 0);
    begin();
    return {.host = path, .port = 0};
}

Endpoint Server::adopt(int descriptor) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        throw boost::system::system_error(error_code(errno, boost::system::system_category()));
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6)
        throw boost::system::system_error(asio::error::address_family_not_supported);
    acceptor_.assign(address.ss_family == AF_INET ? tcp::v4() : tcp::v6(), descriptor);
    return start();
}

void Server::begin() {
    acceptor_.non_blocking(true);
    spawn(acceptor_.get_executor(), accept());
    spawn(acceptor_.get_executor(), keep_times());
}

Endpoint Server::start() {
    begin();
    const tcp::endpoint bound = acceptor_.local_endpoint();
    return {.host = bound.address().to_string(), .port = bound.port()};
}

Awaitable<> Server::accept() {
    while (!draining_) {
        error_code ec;
        Socket socket = co_await acceptor_.async_accept(awaiting(ec));
        if (ec == asio::error::operation_aborted)
            co_return;
        if (ec) {
            // Out of file descriptors or memory: trying again at once would only burn the processor.
            if (ec != asio::error::connection_aborted && accept_log_.admit())
                log(LogLevel::error, "accept failed",
                    {{"reason", ec.message()}, {"suppressed", accept_log_.take_suppressed()}});
            if (ec != asio::error::connection_aborted)
                co_await room_.wait(Clock::now() + accept_pause);
            continue;
        }
        while (sessions_.size() >= limits_.max_connections && !draining_) {
            make_room();
            co_await room_.wait(Clock::now() + accept_pause); // or until one that is being served waits again
        }
        try {
            serve(std::move(socket));
        } catch (const std::exception &) { // no memory for one more
            failed();
        }
    }
}

// Closes the connection that has waited longest for a request, if one does.
void Server::make_room() {
    const auto longest = std::find_if(sessions_.begin(), sessions_.end(), [now = Clock::now()](const auto &session) {
        return session->can_make_room(now);
    });
    if (longest == sessions_.end())
        return;
    ++counters_.evicted;
    if (eviction_log_.admit())
        log(LogLevel::warning, "too many connections",
            {{"closed", (*longest)->peer().text()}, {"suppressed", eviction_log_.take_suppressed()}});
    (*longest)->close();
}

std::shared_ptr<Session> Server::serve(Socket socket) {
    error_code ec;
    const tcp::endpoint remote = socket.remote_endpoint(ec);
    const Address peer = ec ? Address() : Address(remote.address());
    if (!may_connect(peer))
        return nullptr;
    const auto session = std::make_shared<Session>(*this, std::move(socket), peer, tls_);
    const auto place = sessions_.insert(sessions_.end(), session);
    try {
        session->start(place);
    } catch (...) {
        session->close();
        forget(place);
        throw;
    }
    if (draining_)
        session->drain();
    return session;
}

bool Server::is_counted(const Address &peer) const noexcept {
    return limits_.max_connections_per_address > 0 && !limits_.trusted_proxies.contains(peer);
}

// Counts a connection, if its address has not too many.
bool Server::may_connect(const Address &peer) {
    if (!is_counted(peer))
        return true;
    std::size_t &count = connections_of_[peer.subscriber()];
    if (count < limits_.max_connections_per_address) {
        ++count;
        return true;
    }
    ++counters_.refused;
    if (refusal_log_.admit())
        log(LogLevel::warning, "too many connections of an address",
            {{"client", peer.text()}, {"suppressed", refusal_log_.take_suppressed()}});
    return false;
}

void Server::forget(Sessions::iterator place) {
    const Address peer = (*place)->peer();
    sessions_.erase(place);
    if (is_counted(peer)) {
        const auto count = connections_of_.find(peer.subscriber());
        if (--count->second == 0)
            connections_of_.erase(count);
    }
    room_.wake();
    finish_drain();
}

void Server::failed() {
    if (failure_log_.admit())
        log(LogLevel::error, "connection given up", {{"reason", "out of memory"}});
}

Awaitable<> Server::keep_times() {
    while (!draining_ || !sessions_.empty()) {
        const Clock::time_point now = Clock::now();
        for (const auto &session : sessions_)
            session->sweep(now);
        co_await times_.wait(now + sweep_interval);
    }
}

// Returns 16 hexadecimal digits at random, so that those of several receivers do not meet.
std::string Server::next_request_id() {
    std::array<char, 17> id{};
    std::snprintf(id.data(), id.size(), "%016llx", static_cast<unsigned long long>(random_()));
    return id.data();
}

void Server::drain(std::function<void()> done) {
    draining_ = true;
    drained_ = std::move(done);
    // The system has told those in the backlog that their connection stands.
    error_code ec;
    while (acceptor_.is_open()) {
        Socket socket(acceptor_.get_executor());
        acceptor_.accept(socket, ec);
        if (ec)
            break;
        serve(std::move(socket));
    }
    acceptor_.close(ec);
    room_.wake();
    for (const auto &session : sessions_)
        session->drain();
    finish_drain();
}

void Server::finish_drain() {
    if (!draining_ || !sessions_.empty() || !drained_)
        return;
    times_.wake();
    // Not from within a session that is just closing.
    asio::post(acceptor_.get_executor(), std::exchange(drained_, nullptr));
}

} // namespace msgstatus::receiver
