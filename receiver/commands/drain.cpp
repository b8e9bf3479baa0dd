#include <csignal>
#include <cstdio>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "commands/commands.hpp"
#include "commands/part_settings.hpp"
#include "database/lane_pool.hpp"
#include "spool/spool.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::chrono::milliseconds look_interval(50);
constexpr std::chrono::seconds patience(30); // without a webhook that is committed, for the database to come back say

/// DrainCommand runs lanes and spool without the rest of the program until there is nothing more to do.
class DrainCommand {
public:
    explicit DrainCommand(const Config &config)
        : pool_(context_, lane_settings(config), metrics_), spool_(context_, spool_settings(config), pool_, metrics_),
          timer_(context_.get_executor()), signals_(context_, SIGTERM, SIGINT) {
        pool_.use_backlog(spool_);
    }

    int run() {
        spool_.start();
        pool_.start();
        signals_.async_wait([this](boost::system::error_code cancelled, int) {
            if (!cancelled)
                end("interrupted");
        });
        look();
        context_.run();
        const SpoolState &state = spool_.state();
        const std::string left = state.open ? std::to_string(state.depth) : "unknown";
        std::printf("drained %llu, left %s%s%s\n", static_cast<unsigned long long>(metrics_.bodies_drained),
                    left.c_str(), reason_.empty() ? "" : ": ", reason_.c_str());
        return state.open && state.depth == 0 ? 0 : 1;
    }

private:
    void look() {
        const Clock::time_point now = Clock::now();
        if (metrics_.bodies_drained != drained_) {
            drained_ = metrics_.bodies_drained;
            progress_at_ = now;
        }
        if (const char *reason = reason_to_end(now)) {
            end(reason);
            return;
        }
        timer_.expires_after(look_interval);
        timer_.async_wait([this](boost::system::error_code cancelled) {
            if (!cancelled)
                look();
        });
    }

    // Returns why to end, nothing as long as there is something to do.
    const char *reason_to_end(Clock::time_point now) const {
        if (spool_.has_failed())
            return "the spool cannot be used";
        if (spool_.state().open && spool_.state().depth == 0)
            return "";
        if (spool_.has_gone_round())
            return "the database refuses what is left";
        if (now - progress_at_ > patience)
            return pool_.lanes_connected() == 0 ? "the database cannot be reached" : "the database takes nothing";
        return nullptr;
    }

    // Stops; what is in flight stays in the spool.
    void end(const char *reason) {
        timer_.cancel();
        signals_.cancel();
        reason_ = reason;
        spool_.stop_draining();
        pool_.stop();
        spool_.finish([this] { context_.stop(); });
    }

    Metrics metrics_;
    boost::asio::io_context context_{1};
    LanePool pool_;
    Spool spool_;
    Timer timer_;
    boost::asio::signal_set signals_;
    std::uint64_t drained_ = 0;
    Clock::time_point progress_at_ = Clock::now();
    std::string reason_;
};

} // namespace

int drain_command(const Config &config) {
    std::signal(SIGXFSZ, SIG_IGN); // a limit on the size of files is an error of write
    return DrainCommand(config).run();
}

} // namespace msgstatus::receiver
