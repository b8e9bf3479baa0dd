// The way of webhooks from the disk to the database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "database/backlog.hpp"
#include "http/net.hpp"
#include "observe/metrics.hpp"
#include "spool/spool_leftovers.hpp"
#include "spool/spool_store.hpp"

namespace msgstatus::receiver {

class LanePool;
class Spool;
struct SpoolReport;

/// SpoolDrain does bring what waits on disk to the lanes: one batch at a time, so small that live webhooks hardly feel
/// it, in the order in which it came. A webhook is removed from the disk when it is committed.
///
/// A batch that fails comes again in halves, until one webhook stands alone. That one is passed over, so that it does
/// not hold up those behind it, and tried again when all others are through.
class SpoolDrain {
public:
    /// @param most  webhooks, and
    /// @param most_bytes  bytes of bodies in one batch
    SpoolDrain(boost::asio::io_context &context, Spool &spool, LanePool &pool, Metrics &metrics, std::size_t most,
               std::size_t most_bytes);

    /// go_on does look whether there is something to do; it is called a few times a second.
    void go_on();

    /// stop does offer nothing more.
    void stop() noexcept { stopped_ = true; }

    bool has_batch() const noexcept;
    void take_batch(std::vector<Job> &batch);
    void committed(const Job &job);
    void failed(const Job &job, Failure failure);

    /// passed_over does return how many webhooks wait for a second try.
    std::size_t passed_over() const noexcept { return passed_over_; }

    /// is_resting does tell whether nothing is under way.
    bool is_resting() const noexcept { return !reading_ && next_.empty() && outstanding_ == 0; }

private:
    void start_over(std::uint64_t file);
    void forget_read();
    void read_next();
    void batch_read(SpoolReport &&report, std::uint64_t number);
    void nothing_left(std::size_t depth);
    void batch_done();
    void remove(std::uint64_t file, std::vector<std::int64_t> ids);
    void remove_leftovers(std::size_t depth);
    void batch_failed();
    void rest(Clock::duration time);
    void adapt_size(Clock::duration took);

    Spool &spool_;
    LanePool &pool_;
    Metrics &metrics_;
    std::size_t most_;
    std::size_t most_bytes_;
    Timer timer_;

    std::uint64_t file_ = 0;       ///< the spool's file that all ids are from
    std::int64_t cursor_ = 0;      ///< the last webhook that was read
    std::size_t size_;             ///< of the next batch to read
    std::vector<SpoolEntry> next_; ///< the batch that is ready for a lane
    std::uint64_t reads_ = 0;      ///< tells whether what was read is still wanted
    bool reading_ = false;

    // The batch that a lane has.
    std::uint64_t batch_file_ = 0;
    std::size_t outstanding_ = 0;
    std::size_t batch_size_ = 0;
    std::size_t batch_bytes_ = 0;
    std::int64_t first_id_ = 0;
    std::int64_t last_id_ = 0;
    std::vector<std::int64_t> committed_;
    bool failed_ = false;
    bool lane_lost_ = false;
    Clock::time_point started_;

    SpoolLeftovers leftovers_;
    std::size_t passed_over_ = 0; ///< webhooks up to cursor_ that failed
    std::size_t drained_ = 0;     ///< since there was nothing left
    Clock::time_point not_before_ = Clock::time_point::min();
    Clock::time_point retry_at_ = Clock::time_point::min();
    std::chrono::milliseconds pause_;
    std::chrono::milliseconds retry_pause_;
    bool stopped_ = false;
};

} // namespace msgstatus::receiver
