// Asio's types with their executor fixed, which saves a virtual call and an allocation here and there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream> // Boost 1.74 forgets it, and the next
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace msgstatus::receiver {

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

using Clock = std::chrono::steady_clock;
using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;
using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;
using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
using boost::system::error_code;

/// What a coroutine of the program returns. All of them run in one thread.
template <class Value = void>
using Awaitable = boost::asio::awaitable<Value, Executor>;

/// Returns what makes an asynchronous operation awaitable; its error goes to `ec`.
inline auto awaiting(error_code &ec) {
    return boost::asio::redirect_error(boost::asio::use_awaitable_t<Executor>(), ec);
}

/// Event wakes a coroutine that waits for another part of the program. A wake that nobody waits for is lost, so the
/// waiting side looks at its condition in a loop.
class Event {
public:
    explicit Event(const Executor &executor) : timer_(executor) {}

    void wake() { timer_.cancel(); }

    /// Returns after wake(), or at the given time.
    Awaitable<> wait(Clock::time_point until = Clock::time_point::max()) {
        error_code ignored;
        timer_.expires_at(until);
        co_await timer_.async_wait(awaiting(ignored));
    }

private:
    Timer timer_;
};

/// Returns the time in microseconds since 2000-01-01 00:00 UTC, as PostgreSQL counts.
inline std::int64_t postgres_now() noexcept {
    constexpr std::int64_t epoch_difference = 946'684'800'000'000; // 1970 to 2000
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count() - epoch_difference;
}

} // namespace msgstatus::receiver
