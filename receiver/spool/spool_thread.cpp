#include "spool/spool_thread.hpp"

#include <memory>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace msgstatus::receiver {

namespace asio = boost::asio;

SpoolThread::SpoolThread(asio::io_context &context, const std::string &directory, const SpoolLimits &limits)
    : context_(context), worker_(directory, limits) {}

SpoolThread::~SpoolThread() {
    thread_.join();
}

void SpoolThread::run(Operation operation, Then then) {
    asio::post(thread_, [this, operation = std::move(operation), then = std::move(then),
                         guard = asio::make_work_guard(context_)]() mutable {
        auto report = std::make_shared<SpoolReport>(operation(worker_));
        asio::post(context_, [report, then = std::move(then)] { then(std::move(*report)); });
    });
}

} // namespace msgstatus::receiver
