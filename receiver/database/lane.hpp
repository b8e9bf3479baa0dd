// One connection to the database and the batch it carries.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "database/connection.hpp"
#include "database/protocol.hpp"
#include "jobs/job.hpp"

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

} // namespace msgstatus::receiver
