// Webhooks that the database cannot take at the moment wait on disk. See README.md.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "database/lane_pool.hpp"
#include "jobs/job.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "spool/store.hpp"

namespace msgstatus::receiver {

struct SpoolSettings {
    std::string directory;
    SpoolLimits limits;
    std::size_t batch_max = 0;       ///< webhooks, and
    std::size_t batch_max_bytes = 0; ///< bytes of bodies in one call of the database
};

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
    /// Waits for the operations under way; what they would have told is lost.
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
    using Operation = std::function<SpoolReport(SpoolWorker &)>;

    Awaitable<SpoolReport> run(Operation operation);
    Awaitable<> stay_open();
    Awaitable<> take_in();
    Awaitable<> drain();
    Awaitable<bool> offer(std::vector<SpoolEntry> entries);
    Awaitable<> remove(std::vector<std::int64_t> ids);
    Awaitable<> end_round(std::size_t depth);
    void batch_failed(std::size_t size);
    void adapt_size(std::size_t size, std::size_t bytes, Clock::duration took);
    void start_over();
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
    bool committing_ = false;
    Event arrived_;
    std::function<void()> finished_;

    // The way out.
    std::uint64_t file_ = 0;       ///< that all ids are from
    std::int64_t cursor_ = 0;      ///< the last webhook that was read
    std::size_t size_;             ///< of the next batch to read
    std::vector<SpoolEntry> next_; ///< the batch that is ready for a lane
    std::size_t outstanding_ = 0;  ///< webhooks that a lane has
    std::vector<std::int64_t> committed_;
    bool failed_ = false;
    bool lane_lost_ = false;
    Event settled_; ///< a lane has done with a batch
    Clock::time_point taken_at_;
    std::set<std::int64_t> leftovers_; ///< committed, yet on disk: to delete takes room, too, and a full disk has none
    std::size_t passed_over_ = 0;      ///< webhooks up to cursor_ that failed
    std::size_t drained_ = 0;          ///< since there was nothing left
    Clock::duration rest_{};
    std::chrono::milliseconds pause_;
    std::chrono::milliseconds retry_pause_;
    Clock::time_point retry_at_ = Clock::time_point::min();
    bool stopped_ = false;

    SpoolWorker worker_; ///< for the thread alone
    boost::asio::thread_pool thread_{1};
};

} // namespace msgstatus::receiver
