// Webhooks that the database cannot take at the moment wait on disk. See README.md.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "database/backlog.hpp"
#include "http/net.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "spool/spool_drain.hpp"
#include "spool/spool_intake.hpp"
#include "spool/spool_thread.hpp"

namespace msgstatus::receiver {

class LanePool;

struct SpoolSettings {
    std::string directory;
    SpoolLimits limits;
    std::size_t batch_max = 0;       ///< webhooks, and
    std::size_t batch_max_bytes = 0; ///< bytes of bodies in one call of the database
};

/// Spool does keep webhooks on disk for when the database is back. While its directory cannot be used, nothing is
/// kept; it is looked at again every few seconds.
class Spool : public Backlog {
public:
    /// @param context  where everything but the disk's work is done
    Spool(boost::asio::io_context &context, const SpoolSettings &settings, LanePool &pool, Metrics &metrics);

    void start();

    bool takes() const noexcept override { return state_.open; }
    void keep(Job &&job) override { intake_.keep(std::move(job)); }
    bool has_batch() const noexcept override { return drain_.has_batch(); }
    void take_batch(std::vector<Job> &batch) override { drain_.take_batch(batch); }
    void committed(const Job &job) override { drain_.committed(job); }
    void failed(const Job &job, Failure failure) override { drain_.failed(job, failure); }

    /// is_ready does tell whether a webhook would be kept, as far as one can know beforehand.
    bool is_ready() const noexcept { return state_.open && Clock::now() >= full_until_; }

    /// stop_draining does offer nothing more to the lanes.
    void stop_draining() noexcept { drain_.stop(); }

    /// finish does call `done` when every webhook that was to be kept is answered.
    void finish(std::function<void()> done);

    const SpoolState &state() const noexcept { return state_; }
    /// has_failed does tell whether the last try to open the directory failed.
    bool has_failed() const noexcept { return !state_.open && tried_; }
    /// has_gone_round does tell whether every webhook on disk has been offered to the database and refused.
    bool has_gone_round() const noexcept {
        return state_.depth > 0 && drain_.passed_over() == state_.depth && drain_.is_resting();
    }
    SpoolGauges gauges() const;

    // For its parts.
    void run(SpoolThread::Operation operation, SpoolThread::Then then);
    void post(std::function<void()> later);
    void intake_done();

private:
    void tick();
    void note(const SpoolReport &report);
    void log_failure(const SpoolReport &report);

    boost::asio::io_context &context_;
    SpoolSettings settings_;
    SpoolState state_;
    SpoolIntake intake_;
    SpoolDrain drain_;
    Timer timer_;
    Clock::time_point open_again_at_;
    Clock::time_point full_until_ = Clock::time_point::min();
    bool opening_ = false;
    bool tried_ = false; ///< to open the directory
    LogLimiter failure_log_;
    std::function<void()> finished_;
    SpoolThread thread_; ///< the last to come and the first to go: it uses what the parts hold
};

} // namespace msgstatus::receiver
