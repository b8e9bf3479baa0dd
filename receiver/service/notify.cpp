#include "service/notify.hpp"

#include <chrono>
#include <cstdlib>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/datagram_protocol.hpp>

namespace msgstatus::receiver {

void notify_service_manager(std::string_view state) {
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
        socket.send_to(boost::asio::buffer(state.data(), state.size()), Protocol::endpoint(path), 0, ec);
}

void notify_reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch(); // CLOCK_MONOTONIC
    notify_service_manager("RELOADING=1\nMONOTONIC_USEC=" +
                           std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void notify_ready() {
    notify_service_manager("READY=1");
}

} // namespace msgstatus::receiver
