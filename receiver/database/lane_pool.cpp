#include "database/lane_pool.hpp"

#include <algorithm>

#include "base/spawn.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::chrono::milliseconds sweep_interval(250);
constexpr std::chrono::seconds alerts_delay(3); // after the start, which is for webhooks
constexpr std::chrono::seconds alerts_interval(30);
constexpr std::chrono::minutes setup_log_interval(10);
// A lane counts as connected until it notices that it is not: what it had taken is given to another one. A webhook that
// takes its connections along must not take all of them.
constexpr unsigned most_attempts = 3;

std::string_view message_of(std::string_view reason) noexcept {
    if (reason == "queue")
        return "too many webhooks are waiting; try again later";
    if (reason == "spool")
        return "neither the database nor the disk could take the webhook; try again later";
    return "the database could not take the webhook; try again later";
}

} // namespace

LanePool::LanePool(boost::asio::io_context &context, LaneSettings settings, Metrics &metrics)
    : context_(context), settings_(std::move(settings)), metrics_(metrics), times_(context.get_executor()) {
    for (std::size_t i = 0; i < settings_.lanes; ++i)
        lanes_.push_back(std::make_unique<Lane>(*this, i + 1));
}

void LanePool::start() {
    next_alerts_ = Clock::now() + alerts_delay;
    for (const auto &lane : lanes_)
        spawn(context_, lane->run());
    spawn(context_, keep_times());
}

std::size_t LanePool::lanes_connected() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(lanes_.begin(), lanes_.end(), [](const auto &lane) { return lane->is_connected(); }));
}

bool LanePool::is_connecting() const noexcept {
    return std::any_of(lanes_.begin(), lanes_.end(), [](const auto &lane) { return lane->is_connecting(); });
}

void LanePool::submit(Job &&job) {
    job.submitted = Clock::now();
    if (stopped_ || lanes_connected() == 0)
        fall_back(std::move(job), "database");
    else if (queue_.size() >= settings_.queue_max)
        fall_back(std::move(job), "queue");
    else {
        queue_.push(std::move(job));
        wake_a_lane();
    }
}

// Does what is left for a webhook that no lane takes.
void LanePool::fall_back(Job &&job, std::string_view reason) {
    if (!job.spool_refused && backlog_ != nullptr && backlog_->takes()) {
        backlog_->keep(std::move(job));
        return;
    }
    ++metrics_.bodies_unavailable;
    job.to.send(unavailable_answer(stopped_ && reason == "database" ? "stopping" : reason, message_of(reason)));
}

// Gives a webhook that was taken to a lane once more, if it may and one is there.
void LanePool::queue_again(Job &&job, bool may_return, std::string_view reason) {
    if (!may_return || stopped_ || lanes_connected() == 0) {
        fall_back(std::move(job), reason);
        return;
    }
    queue_.put_back(std::move(job));
    wake_a_lane();
}

void LanePool::not_kept(Job &&job) {
    ++metrics_.spool_failures;
    job.spool_refused = true;
    const bool may_return = job.may_return;
    queue_again(std::move(job), may_return, "spool");
}

void LanePool::committed(const Job &job, std::int32_t received, std::int32_t rejected) {
    if (job.backlog_id != 0)
        backlog_->committed(job);
    else
        answer_committed(job, received, rejected);
}

void LanePool::not_committed(Job &&job, Failure failure) {
    if (job.backlog_id != 0) {
        backlog_->failed(job, failure);
        return;
    }
    const bool may_return = failure == Failure::unavailable && ++job.attempts < most_attempts;
    queue_again(std::move(job), may_return, "database");
}

// A lane that is woken looks for work after all that has happened at the same moment, so requests that arrived together
// go together.
void LanePool::wake_a_lane() {
    const auto ready = std::find_if(lanes_.begin(), lanes_.end(), [](const auto &lane) { return lane->is_ready(); });
    if (ready != lanes_.end())
        (*ready)->wake();
}

// The backlog has one batch at a time and the next one not before that is done, so it gets one lane at most, and live
// webhooks get that between two batches.
bool LanePool::next_batch(std::vector<Job> &batch) {
    batch.clear();
    if (stopped_)
        return false;
    if (backlog_ != nullptr && backlog_->has_batch())
        backlog_->take_batch(batch);
    else
        queue_.take_batch(settings_.batch_max, settings_.batch_max_bytes, batch);
    return !batch.empty();
}

void LanePool::lane_lost() {
    if (lanes_connected() > 0)
        return;
    metrics_.alerts.clear();
    while (!queue_.empty()) // nobody waits for a lane that may never come
        fall_back(queue_.take(), "database");
}

bool LanePool::setup_problem_is_due(const std::string &reason) {
    const Clock::time_point now = Clock::now();
    if (reason == setup_problem_ && now - setup_problem_logged_ < setup_log_interval)
        return false;
    setup_problem_ = reason;
    setup_problem_logged_ = now;
    return true;
}

bool LanePool::is_overdue(const Job &job, Clock::time_point now) const noexcept {
    const bool can_wait_elsewhere =
        job.backlog_id == 0 && !job.spool_refused && backlog_ != nullptr && backlog_->has_room();
    return can_wait_elsewhere && now - job.submitted > settings_.patience;
}

void LanePool::wait_elsewhere(Job &&job) {
    job.may_return = true;
    if (job.spool_refused)
        queue_.push(std::move(job)); // what the disk refused must not hold up those behind it
    else
        backlog_->keep(std::move(job));
}

Awaitable<> LanePool::keep_times() {
    while (!stopped_) {
        const Clock::time_point now = Clock::now();
        for (std::size_t left = queue_.size(); left > 0; --left) {
            if (!is_overdue(queue_.front(), now) && !queue_.front().spool_refused)
                break;
            wait_elsewhere(queue_.take());
        }
        for (const auto &lane : lanes_)
            lane->give_back_overdue(now);
        if (!queue_.empty() || now >= next_alerts_)
            wake_a_lane();
        co_await times_.wait(now + sweep_interval);
    }
}

// Lets a lane that has nothing to do look up the alerts now and then.
bool LanePool::alerts_are_due() {
    if (Clock::now() < next_alerts_)
        return false;
    next_alerts_ = Clock::now() + alerts_interval;
    return true;
}

void LanePool::stop() {
    stopped_ = true;
    times_.wake();
    for (const auto &lane : lanes_)
        lane->stop();
    lane_lost();
}

} // namespace msgstatus::receiver
