// Webhooks that the database cannot take at the moment wait on disk. See README.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "database/lane_pool.hpp"
#include "jobs/job.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "spool/store.hpp"

namespace msgstatus::receiver {

/// Spool keeps webhooks on disk for when the database is back, and brings them to the lanes then: one batch at a time,
/// so small that live webhooks hardly feel it, in the order in which they came. A webhook is removed from the disk when
/// it is committed. A batch that fails comes again in halves, until one webhook stands alone. That one is passed over,
/// so that it does not hold up those behind it, and tried again when all others are through.
///
/// The disk's work is done in a thread of its own. While the directory cannot be used, nothing is kept; it is looked at
/// again every few seconds.
class Spool : public Backlog {
public:
    Spool(boost::asio::io_context &context, const SpoolSettings &settings, LanePool &pool, Metrics &metrics);
    /// Waits for the operation under way; what it would have told is lost.
    ~Spool() override { thread_.join(); }

    void start();

    bool takes() const noexcept override { return state_.open; }
    bool has_room() const noexcept override { return state_.open && Clock::now() >= full_until_; }
    void keep(Job &&job) override;
    bool has_batch() const noexcept override { return !next_.empty() && !stopped_; }
    void take_batch(std::vector<Job> &batch) override;
    void committed(const Job &job) override;
    void failed(const Job &job, Failure failure) override;

    /// Offers nothing more to the lanes.
    void stop_draining() noexcept { stopped_ = true; }

    /// Calls `done` when every webhook that was to be kept is answered.
    void finish(std::function<void()> done);

    const SpoolState &state() const noexcept { return state_; }
    /// Returns whether the last try to open the directory failed.
    bool has_failed() const noexcept { return !state_.open && tried_; }
    /// Returns whether every webhook on disk has been offered to the database and refused.
    bool has_gone_round() const noexcept { return state_.depth > 0 && passed_over_ == state_.depth; }
    SpoolGauges gauges() const;

private:
    using Operation = std::function<SpoolReport(SpoolStore &)>;

    Awaitable<SpoolReport> run(Operation operation);
    Awaitable<> stay_open();
    Awaitable<> take_in();
    Awaitable<> drain();
    Awaitable<> offer(std::vector<Job> jobs);
    bool can_drain() const noexcept;
    void note(const SpoolReport &report);

    boost::asio::io_context &context_;
    SpoolSettings settings_;
    LanePool &pool_;
    Metrics &metrics_;
    SpoolState state_;
    Clock::time_point full_until_ = Clock::time_point::min();
    bool tried_ = false; ///< to open the directory
    LogLimiter failure_log_;

    // The way in. While one commit is under way others collect, and go as one.
    JobQueue waiting_;
    Event arrived_;
    std::function<void()> finished_;

    // The way out.
    std::vector<Job> next_;               ///< the batch that is ready for a lane
    std::size_t outstanding_ = 0;         ///< webhooks that a lane has
    std::vector<std::int64_t> committed_; ///< of the batch
    bool failed_ = false;                 ///< one of the batch at least
    bool lane_lost_ = false;
    Event settled_; ///< a lane has done with the batch
    Clock::time_point taken_at_;
    std::size_t passed_over_ = 0; ///< webhooks that failed in this round
    Clock::time_point next_round_ = Clock::time_point::min();
    std::size_t drained_ = 0; ///< since there was nothing left
    bool stopped_ = false;

    SpoolStore store_; ///< for the thread alone
    boost::asio::thread_pool thread_{1};
};

} // namespace msgstatus::receiver
