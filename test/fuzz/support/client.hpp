// A client on the other end of a pair of sockets.
#pragma once

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <unistd.h>

#include "http/session.hpp"
#include "support/fuzz.hpp"
#include "support/listener.hpp"

namespace msgstatus::fuzz {

class Client {
public:
    explicit Client(Listener &listener) : listener_(listener) {
        std::array<int, 2> ends{};
        FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
        fd_ = ends[0];
        receiver::Socket socket = listener.make_socket();
        socket.assign(boost::asio::ip::tcp::v4(), ends[1]);
        session_ = listener.server().serve(std::move(socket));
        listener_.run(); // so that the session waits for a request, also if none comes
    }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    ~Client() { break_off(); }

    // Writes until everything is written or the other end takes no more.
    void send(std::string_view bytes) {
        while (!bytes.empty() && !refused_) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent > 0)
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            else
                refused_ = errno != EAGAIN;
            listener_.run();
            receive();
        }
    }

    // Closes the client's half of the connection.
    void finish() {
        ::shutdown(fd_, SHUT_WR);
        listener_.run();
        receive();
    }

    // Lets both timeouts pass: that of incomplete requests and that of lingering.
    void stay_silent() {
        constexpr auto end_of_time = receiver::Clock::time_point::max() - receiver::Clock::duration(1);
        for (int i = 0; i < 2; ++i) {
            if (const auto session = session_.lock())
                session->sweep(end_of_time);
            listener_.run();
            receive();
        }
    }

    // Closes the connection, whatever is on its way.
    void break_off() {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
        listener_.run();
    }

    const std::string &received() const noexcept { return received_; }
    bool session_ended() const noexcept { return session_.expired(); }

private:
    void receive() {
        std::array<char, 16 * 1024> room{};
        for (ssize_t got = 0; (got = ::recv(fd_, room.data(), room.size(), 0)) > 0;)
            received_.append(room.data(), static_cast<std::size_t>(got));
    }

    Listener &listener_;
    std::weak_ptr<receiver::Session> session_;
    std::string received_;
    int fd_ = -1;
    bool refused_ = false;
};

} // namespace msgstatus::fuzz
