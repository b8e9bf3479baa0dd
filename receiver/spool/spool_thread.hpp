// The thread in which the spool works: waiting for the disk must hold up neither webhooks nor the database.
#pragma once

#include <functional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "spool/spool_worker.hpp"

namespace msgstatus::receiver {

/// SpoolThread does run operations of the spool in a thread of their own, one after another in the order in which they
/// came, and tells what became of each in the thread of the context. Nothing else is shared between the two.
class SpoolThread {
public:
    using Operation = std::function<SpoolReport(SpoolWorker &)>;
    using Then = std::function<void(SpoolReport &&)>;

    SpoolThread(boost::asio::io_context &context, const std::string &directory, const SpoolLimits &limits);
    /// Waits for the operations under way; what they would have told is lost.
    ~SpoolThread();
    SpoolThread(const SpoolThread &) = delete;
    SpoolThread &operator=(const SpoolThread &) = delete;

    /// @param operation  called in the spool's thread; what it refers to must stay as it is until `then` is called
    /// @param then       called in the thread of the context
    void run(Operation operation, Then then);

private:
    boost::asio::io_context &context_;
    SpoolWorker worker_;
    boost::asio::thread_pool thread_{1};
};

} // namespace msgstatus::receiver
