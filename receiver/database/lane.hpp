// One connection to the database and the batch it carries.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "database/batch_encoding.hpp"
#include "database/job.hpp"
#include "http/net.hpp"
#include "database/pg_connection.hpp"
#include "database/sqlstate.hpp"

namespace msgstatus::receiver {

class LanePool;

/// Lane does carry one batch at a time to apply_message_status_batch. Each call commits by itself, so a webhook is
/// answered 200 exactly when the call that held it has succeeded.
///
/// A call that fails is halved until the webhook at fault stands alone: one that jsonb refuses is kept as text, any
/// other goes back to the pool, and its neighbours are committed. If the connection breaks, whether the call was
/// committed is not known: its webhooks go back to the pool, and applying them again changes nothing. Then the lane
/// reconnects.
class Lane : private PgOwner {
public:
    Lane(boost::asio::io_context &context, LanePool &pool, std::size_t number);

    void start();

    /// is_ready does tell whether the lane can take a batch now.
    bool is_ready() const noexcept { return state_ == State::idle; }
    bool is_connected() const noexcept {
        return state_ == State::idle || state_ == State::busy || state_ == State::asking || state_ == State::probing;
    }
    bool is_busy() const noexcept { return state_ == State::busy; }

    /// carry does start a batch; the lane must be ready. Its jobs are swapped out of `batch`.
    void carry(std::vector<Job> &batch);

    /// ask_alerts does look up which alerts are active, for the metrics; the lane must be ready.
    void ask_alerts();

    /// sweep does give back webhooks whose time is up, and give up on a database that does not answer.
    void sweep(Clock::time_point now);

    /// stop does close the connection for good; what is in flight goes back to the pool.
    void stop();

private:
    enum class State : std::uint8_t { waiting, connecting, preparing, idle, busy, asking, probing, stopped };
    enum class Step : std::uint8_t { settings, prepare_apply, prepare_reject, probe };
    /// A part of the batch, as positions in batch_.
    struct Part {
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    void pg_connected() override;
    void pg_result(PgResult result) override;
    void pg_lost(const std::string &reason) override;

    void prepare_next();
    void prepared(const PgResult &result);
    void reconnect_later();
    void connection_failed(const std::string &reason, bool logged = false);
    void command_failed(const PgResult &result);
    void probe();
    void probed(const PgResult &result);

    void alerts_answered(const PgResult &result);

    void call_next();
    void call(const Part &part);
    void reject();
    void apply_done(const PgResult &result);
    void call_failed(const PgResult &result);
    void halve(const Part &part);
    void give_back(const Part &part, Failure failure, std::string_view message);
    void give_back_all(Failure failure, std::string_view message);
    void finish_batch();

    LanePool &pool_;
    std::size_t number_;
    PgConnection connection_;
    Timer reconnect_timer_;
    Clock::time_point deadline_ = Clock::time_point::max();
    std::chrono::milliseconds backoff_;
    std::minstd_rand random_;
    State state_ = State::waiting;
    Step step_ = Step::settings;
    std::string settings_sql_;

    std::vector<Job> batch_;
    std::vector<Part> parts_; ///< still to be called, the next one last
    Part current_;
    BatchParameters parameters_;
    Clock::time_point call_started_;
    Clock::time_point halving_ends_;
    bool reconnecting_ = false;  ///< the connection before was lost
    bool rejecting_ = false;     ///< the call in flight is reject_webhook
    bool setup_suspect_ = false; ///< a call of the batch failed as it would if the database were not set up
    std::string reject_reason_;
    unsigned retries_ = 0; ///< of the current part
    std::size_t committed_ = 0;
    std::size_t culprits_ = 0;
};

} // namespace msgstatus::receiver
