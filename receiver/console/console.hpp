// The console's parts put together, from start to drain.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "console/desk.hpp"
#include "console/settings.hpp"
#include "http/server.hpp"

namespace msgstatus::receiver {

/// ConsoleWatch answers those who watch the program: /healthz and /metrics.
class ConsoleWatch : public RequestHandler {
public:
    explicit ConsoleWatch(std::function<std::string()> metrics) : metrics_(std::move(metrics)) {}
    std::optional<Answer> check_head(Request &request) override;
    void handle(Request &request, AnswerTo to) override;

private:
    std::function<std::string()> metrics_;
};

/// Console runs in one thread; what takes time is the database's affair.
class Console {
public:
    /// @throws std::runtime_error if certificate and key cannot be used
    explicit Console(ConsoleConfig config);

    /// Listens, and returns after SIGTERM or SIGINT when every request is answered, or when drain-timeout has passed.
    /// @throws std::runtime_error if an address cannot be listened on
    void run();

private:
    void listen();
    Awaitable<> keep_order();
    Awaitable<> obey_signals();
    void reload();
    void drain();

    ConsoleConfig config_;
    BufferBudget budget_;
    BufferBudget admin_budget_;
    ConsoleMetrics metrics_;
    boost::asio::io_context context_{1};
    Desk desk_;
    ConsoleWatch watch_;
    Server server_;
    Server admin_server_;
    boost::asio::signal_set signals_;
    Timer timer_; ///< of the drain
    bool draining_ = false;
};

} // namespace msgstatus::receiver
