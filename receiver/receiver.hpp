// The program's parts put together, from start to drain.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "config/config.hpp"
#include "database/lane_pool.hpp"
#include "http/admin_routes.hpp"
#include "http/server.hpp"
#include "observe/metrics.hpp"
#include "spool/spool.hpp"
#include "webhook/routes.hpp"

namespace msgstatus::receiver {

/// Receiver runs in one thread: what it does for a webhook is little, and PostgreSQL needs the processors.
class Receiver {
public:
    /// @throws std::runtime_error if certificate and key cannot be used
    explicit Receiver(Config config);

    /// Listens, and returns after SIGTERM or SIGINT when every accepted request is answered, or when drain-timeout has
    /// passed; what is not committed by then goes to the spool. A second signal makes it short.
    /// @throws std::runtime_error if an address cannot be listened on
    void run();

    /// Returns whether a lane is connecting, so that the end might have to wait for a host name to be looked up.
    bool is_connecting() const noexcept { return pool_.is_connecting(); }

private:
    void listen();
    Awaitable<> feed_watchdog();
    Awaitable<> obey_signals();
    void reload();
    void drain();
    void stop_waiting();
    void set_timer(std::chrono::milliseconds time, std::function<void()> then);
    void stop_pool(std::function<void()> done);
    Gauges gauges() const;

    Config config_;
    BufferBudget budget_;
    BufferBudget admin_budget_;
    Metrics metrics_;
    boost::asio::io_context context_{1};
    LanePool pool_;
    std::unique_ptr<Spool> spool_; ///< only with --spool-dir
    WebhookRoutes webhook_routes_;
    AdminRoutes admin_routes_;
    Server webhook_server_;
    Server admin_server_;
    std::shared_ptr<TlsContext> tls_; ///< only with --tls-cert
    boost::asio::signal_set signals_;
    Timer timer_; ///< of the drain
    bool draining_ = false;
};

} // namespace msgstatus::receiver
