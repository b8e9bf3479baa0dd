// Coroutines that run as long as the program does.
#pragma once

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "base/net.hpp"

namespace msgstatus::receiver {

/// Starts a coroutine without which the program could not go on: an exception in it, as for want of memory, leaves the
/// io_context's run(), so that the program ends and is started anew.
template <class Context>
void spawn(Context &&context, Awaitable<> coroutine) {
    boost::asio::co_spawn(context, std::move(coroutine), [](const std::exception_ptr &error) {
        if (error)
            std::rethrow_exception(error);
    });
}

} // namespace msgstatus::receiver
