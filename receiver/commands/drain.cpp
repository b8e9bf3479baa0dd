#include <csignal>
#include <cstdio>
#include <string>
#include <utility> // Boost 1.74 forgets it

#include <boost/asio/signal_set.hpp>

#include "base/spawn.hpp"
#include "commands/commands.hpp"
#include "commands/part_settings.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::chrono::milliseconds look_interval(50);
constexpr std::chrono::seconds patience(30); // without a webhook that is committed, for the database to come back say

/// DrainCommand runs lanes and spool without the rest of the program until there is nothing more to do.
struct DrainCommand {
    explicit DrainCommand(const Config &config)
        : pool(context, lane_settings(config), metrics), spool(context, spool_settings(config), pool, metrics) {
        pool.use_backlog(spool);
    }

    // Waits until there is nothing more to do, and stops; what is in flight stays in the spool.
    Awaitable<> watch() {
        Event later(context.get_executor());
        std::uint64_t drained = 0;
        Clock::time_point progress_at = Clock::now();
        while (reason == nullptr) {
            co_await later.wait(Clock::now() + look_interval);
            if (metrics.bodies_drained > drained)
                progress_at = Clock::now();
            drained = metrics.bodies_drained;
            reason = reason_to_end(progress_at);
        }
        spool.stop_draining();
        pool.stop();
        spool.finish([this] { context.stop(); });
    }

    // Returns why to end, nothing as long as there is something to do.
    const char *reason_to_end(Clock::time_point progress_at) const {
        if (interrupted)
            return ": interrupted";
        if (spool.has_failed())
            return ": the spool cannot be used";
        if (spool.state().open && spool.state().depth == 0)
            return "";
        if (spool.has_gone_round())
            return ": the database refuses what is left";
        if (Clock::now() - progress_at > patience)
            return pool.lanes_connected() == 0 ? ": the database cannot be reached" : ": the database takes nothing";
        return nullptr;
    }

    Metrics metrics;
    boost::asio::io_context context{1};
    LanePool pool;
    Spool spool;
    bool interrupted = false;
    const char *reason = nullptr; ///< to end
};

} // namespace

int drain_command(const Config &config) {
    std::signal(SIGXFSZ, SIG_IGN); // a limit on the size of files is an error of write
    DrainCommand command(config);
    boost::asio::signal_set signals(command.context, SIGTERM, SIGINT);
    signals.async_wait([&command](error_code, int) { command.interrupted = true; });
    command.spool.start();
    command.pool.start();
    spawn(command.context, command.watch());
    command.context.run();
    const SpoolState &state = command.spool.state();
    std::printf("drained %llu, left %s%s\n", static_cast<unsigned long long>(command.metrics.bodies_drained),
                state.open ? std::to_string(state.depth).c_str() : "unknown", command.reason);
    return state.open && state.depth == 0 ? 0 : 1;
}

} // namespace msgstatus::receiver
