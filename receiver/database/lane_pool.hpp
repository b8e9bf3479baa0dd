// The queue, and the lanes that take from it: each a connection to the database and the batch it carries.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "database/connection.hpp"
#include "database/protocol.hpp"
#include "jobs/job.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"

namespace msgstatus::receiver {

class LanePool;

/// Lane carries one batch at a time to apply_message_status_batch, in a coroutine. Each call commits by itself, so a
/// webhook is answered 200 exactly when the call that held it has succeeded.
///
/// A call that fails is halved until the webhook at fault stands alone: one that jsonb refuses is kept as text, any
/// other goes back to the pool, and its neighbours are committed. If the connection breaks, whether the call was
/// committed is not known: its webhooks go back to the pool, and applying them again changes nothing. Then the lane
/// reconnects.
class Lane {
public:
    Lane(LanePool &pool, std::size_t number);

    /// Works until stop().
    Awaitable<> run();

    /// Returns whether the lane can take a batch now.
    bool is_ready() const noexcept { return state_ == State::idle; }
    bool is_connected() const noexcept { return state_ == State::idle || state_ == State::busy; }
    bool is_connecting() const noexcept { return connection_.is_connecting(); }

    /// Lets the lane look whether there is something to do.
    void wake() { wake_.wake(); }

    /// Gives back webhooks that have waited too long.
    void give_back_overdue(Clock::time_point now);

    /// Closes the connection for good; what is in flight goes back to the pool.
    void stop();

private:
    enum class State : std::uint8_t { away, idle, busy, stopped };

    Awaitable<> connect();
    Awaitable<> work();
    Awaitable<> carry();
    Awaitable<PgResult> call(const char *name, std::span<const std::string_view> parameters);
    Awaitable<PgResult> keep_as_text(std::string reason);
    Awaitable<> ask_alerts();
    Awaitable<> probe();
    void take_counts(std::size_t size, const PgResult &result);
    void answer_done();
    void lose(const std::string &reason);
    [[noreturn]] void refuse(const PgResult &result) const;
    [[noreturn]] void refuse(const std::string &reason, const std::string &hint) const;
    void log_failure(const PgResult &result, std::size_t size) const;
    void give_back(std::size_t size, Failure failure);

    LanePool &pool_;
    std::size_t number_;
    Event wake_;
    PgConnection connection_;
    std::chrono::milliseconds backoff_;
    std::minstd_rand random_;
    State state_ = State::away;
    bool reconnecting_ = false; ///< the connection before was lost

    std::vector<Job> batch_; ///< what is in flight, and after it what is still to be called
    std::vector<Job> done_;  ///< the last call that was committed, whose senders have no answer yet
    std::vector<WebhookCounts> done_counts_;
    BatchParameters parameters_;
};

struct LaneSettings {
    std::string database;
    std::size_t lanes = 0;
    std::size_t batch_max = 0;
    std::size_t batch_max_bytes = 0;
    std::size_t queue_max = 0;
    std::chrono::milliseconds statement_timeout{};
    std::chrono::milliseconds lock_timeout{};
    std::chrono::milliseconds patience{}; ///< after which a webhook that waits for the database goes to the backlog
};

/// LanePool brings webhooks to the database. It batches by itself, without a timer: a lane that is free takes what has
/// collected while all were busy.
class LanePool {
public:
    LanePool(boost::asio::io_context &context, LaneSettings settings, Metrics &metrics);
    LanePool(const LanePool &) = delete;
    LanePool &operator=(const LanePool &) = delete;

    /// Names who takes what no lane can take; without a backlog it is answered 503.
    /// @param backlog  must outlive the pool, or its stop
    void use_backlog(Backlog &backlog) noexcept { backlog_ = &backlog; }

    void start();

    /// Takes a webhook, which will be answered in any case. If no lane is connected or the queue is full, it goes to
    /// the backlog.
    void submit(Job &&job);

    /// Hears that the backlog has a batch.
    void backlog_ready() { wake_a_lane(); }

    /// Takes back a webhook that the backlog could not keep: a lane may still commit it, else it is answered 503.
    void not_kept(Job &&job);

    /// Closes all connections; what is not committed goes to the backlog.
    void stop();

    std::size_t lanes() const noexcept { return lanes_.size(); }
    std::size_t lanes_connected() const noexcept;
    std::size_t queue_depth() const noexcept { return queue_.size(); }
    /// Returns whether a lane is connecting, which cannot be broken off while host names are looked up.
    bool is_connecting() const noexcept;

private:
    friend class Lane; // which is this class' other half: it takes batches and says what became of them

    bool next_batch(std::vector<Job> &batch);
    void committed(const Job &job, std::int32_t received, std::int32_t rejected);
    void not_committed(Job &&job, Failure failure);
    void lane_lost();
    bool is_overdue(const Job &job, Clock::time_point now) const noexcept;
    void wait_elsewhere(Job &&job);
    bool alerts_are_due();
    bool setup_problem_is_due(const std::string &reason);

    Awaitable<> keep_times();
    void wake_a_lane();
    void queue_again(Job &&job, bool may_return, std::string_view reason);
    void fall_back(Job &&job, std::string_view reason);

    boost::asio::io_context &context_;
    LaneSettings settings_;
    Metrics &metrics_;
    Backlog *backlog_ = nullptr;
    JobQueue queue_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    Event times_;
    Clock::time_point next_alerts_;
    std::string setup_problem_; ///< what keeps the database from taking any call, as it was logged
    Clock::time_point setup_problem_logged_;
    LogLimiter connect_log_;
    LogLimiter failure_log_;
    LogLimiter durability_log_;
    bool stopped_ = false;
};

} // namespace msgstatus::receiver
