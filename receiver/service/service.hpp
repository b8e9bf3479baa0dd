// What the service manager gives and is told: sockets that listen already (sd_listen_fds(3)'s protocol), and one
// datagram a state (sd_notify(3)'s).
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace msgstatus::receiver {

/// Returns a number in the environment, 0 if there is none.
inline long environment_number(const char *name) {
    const char *text = std::getenv(name);
    const std::string_view digits = text != nullptr ? text : "";
    long value = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return ec == std::errc() && end == digits.data() + digits.size() ? value : 0;
}

/// Returns the descriptor of the socket of that name (FileDescriptorName= of the socket unit), or nothing if there is
/// none. The descriptor belongs to the caller from then on, who asks for a name once.
inline std::optional<int> inherited_socket(std::string_view name) {
    constexpr int first_descriptor = 3;
    if (environment_number("LISTEN_PID") != getpid()) // else they are for another process
        return std::nullopt;
    const char *variable = std::getenv("LISTEN_FDNAMES");
    std::string_view names = variable != nullptr ? variable : "";
    for (int i = 0; i < environment_number("LISTEN_FDS"); ++i) {
        const std::size_t colon = std::min(names.find(':'), names.size());
        if (names.substr(0, colon) == name) {
            fcntl(first_descriptor + i, F_SETFD, FD_CLOEXEC);
            return first_descriptor + i;
        }
        names.remove_prefix(std::min(colon + 1, names.size()));
    }
    return std::nullopt;
}

/// Sends a state such as `READY=1` to the socket that NOTIFY_SOCKET names. Without one, or where nobody listens or
/// reads, nothing happens.
inline void notify_service_manager(std::string_view state) {
    const char *variable = std::getenv("NOTIFY_SOCKET");
    if (variable == nullptr || *variable == '\0')
        return;
    std::string path = variable;
    if (path.front() == '@')
        path.front() = '\0'; // in the abstract namespace
    using Protocol = boost::asio::local::datagram_protocol;
    boost::asio::io_context context;
    Protocol::socket socket(context);
    boost::system::error_code ec;
    socket.open(Protocol(), ec);
    if (!ec)
        socket.non_blocking(true, ec);
    if (!ec)
        socket.send_to(boost::asio::buffer(state.data(), state.size()), Protocol::endpoint(path), 0, ec);
}

/// Tells that a reload begins: `RELOADING=1` with the time. `READY=1` ends it.
inline void notify_reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch(); // CLOCK_MONOTONIC
    notify_service_manager("RELOADING=1\nMONOTONIC_USEC=" +
                           std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

} // namespace msgstatus::receiver
