// One connection to the database and the batch it carries.
#pragma once

#include <cstdint>
#include <random>
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
    Lane(const Executor &executor, LanePool &pool, std::size_t number);

    void start();

    /// Returns whether the lane can take a batch now.
    bool is_ready() const noexcept { return state_ == State::idle; }
    bool is_connected() const noexcept { return state_ == State::idle || state_ == State::busy; }
    bool is_resolving() const noexcept { return connection_.is_resolving(); }

    /// Lets the lane look whether there is something to do.
    void wake() { wake_.wake(); }

    /// Gives back webhooks whose time is up, and gives up on a database that does not answer.
    void sweep(Clock::time_point now);

    /// Closes the connection for good; what is in flight goes back to the pool.
    void stop();

private:
    enum class State : std::uint8_t { waiting, connecting, idle, busy, stopped };
    /// A part of the batch, as positions in batch_.
    struct Part {
        std::size_t begin = 0;
        std::size_t end = 0;
    };
    /// A call that has succeeded and whose senders have no answer yet.
    struct Done {
        std::vector<Job> jobs;
        std::vector<BatchCounts> counts;
    };

    Awaitable<> run();
    Awaitable<> connect();
    Awaitable<> work();
    Awaitable<> carry();
    Awaitable<> apply(Part part);
    Awaitable<> reject(std::size_t position, std::string reason);
    Awaitable<> ask_alerts();
    Awaitable<> probe();
    Awaitable<PgResult> answer_of(std::chrono::milliseconds time);
    bool committed(Part part, const PgResult &result);
    void answer_done();
    void lose(const std::string &reason, bool was_connected);
    void refuse_setup(const PgResult &result);
    void give_back(std::size_t position, Failure failure);
    void give_back_all(Failure failure);

    LanePool &pool_;
    std::size_t number_;
    Event wake_;
    PgConnection connection_;
    Clock::time_point deadline_ = Clock::time_point::max();
    std::chrono::milliseconds backoff_;
    std::minstd_rand random_;
    State state_ = State::waiting;
    bool reconnecting_ = false;   ///< the connection before was lost
    bool problem_logged_ = false; ///< why the connection was given up

    std::vector<Job> batch_; ///< those that are settled have no body's answer to come: see `settled_`
    std::vector<bool> settled_;
    Part current_;
    Done done_;
    BatchParameters parameters_;
    Clock::time_point call_started_;
    Clock::time_point halving_ends_;
    bool setup_suspect_ = false; ///< a call of the batch failed as it would if the database were not set up
    std::size_t committed_ = 0;
    std::size_t culprits_ = 0;
};

} // namespace msgstatus::receiver
