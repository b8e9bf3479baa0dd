#include "database/lane_pool.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace msgstatus::receiver {
namespace {

constexpr std::chrono::milliseconds sweep_interval(250);
constexpr std::chrono::seconds alerts_delay(3); // after the start, which is for webhooks
constexpr std::chrono::seconds alerts_interval(30);
constexpr std::chrono::minutes setup_log_interval(10);
// A lane counts as connected until it notices that it is not: what it had taken is given to another one. A webhook that
// takes its connections along must not take all of them.
constexpr unsigned most_attempts = 3;
constexpr std::string_view not_available = "the database is not available; try again later";

} // namespace

LanePool::LanePool(boost::asio::io_context &context, LaneSettings settings, Metrics &metrics)
    : context_(context), settings_(std::move(settings)), metrics_(metrics), queue_(settings_.queue_max),
      sweep_timer_(context.get_executor()) {
    for (std::size_t i = 0; i < settings_.lanes; ++i)
        lanes_.push_back(std::make_unique<Lane>(context, *this, i + 1));
}

LanePool::~LanePool() = default;

void LanePool::start() {
    next_alerts_ = Clock::now() + alerts_delay;
    for (const auto &lane : lanes_)
        lane->start();
    sweep();
}

std::size_t LanePool::lanes_connected() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(lanes_.begin(), lanes_.end(), [](const auto &lane) { return lane->is_connected(); }));
}

void LanePool::submit(Job &&job) {
    job.submitted = Clock::now();
    if (stopped_ || lanes_connected() == 0) {
        fall_back(std::move(job), not_available);
        return;
    }
    if (queue_.is_full()) {
        fall_back(std::move(job), "too many webhooks are waiting; try again later");
        return;
    }
    queue_.push(std::move(job));
    dispatch_later();
}

// fall_back does what is left for a webhook that no lane takes.
void LanePool::fall_back(Job &&job, std::string_view message) {
    if (backlog_ != nullptr && backlog_->takes()) {
        backlog_->keep(std::move(job));
        return;
    }
    ++metrics_.bodies_unavailable;
    answer_unavailable(job, message);
}

void LanePool::committed(const Job &job, std::int32_t received, std::int32_t rejected) {
    if (job.backlog_id != 0)
        backlog_->committed(job);
    else
        answer_committed(job, received, rejected);
}

void LanePool::not_committed(Job &&job, Failure failure, std::string_view message) {
    if (job.backlog_id != 0) {
        backlog_->failed(job, failure);
        return;
    }
    ++job.attempts;
    if (failure == Failure::unavailable && job.attempts < most_attempts && !stopped_ && lanes_connected() > 0) {
        queue_.put_back(std::move(job));
        dispatch_later();
        return;
    }
    fall_back(std::move(job), message);
}

// dispatch_later does wait for the requests that have arrived at the same moment, so that they go together.
void LanePool::dispatch_later() {
    if (dispatch_planned_)
        return;
    dispatch_planned_ = true;
    boost::asio::post(context_, [this] {
        dispatch_planned_ = false;
        dispatch();
    });
}

void LanePool::dispatch() {
    for (const auto &lane : lanes_) {
        if (stopped_)
            return;
        if (lane->is_ready() && next_batch())
            lane->carry(spare_);
    }
}

// next_batch does take the next batch for a lane to spare_. The backlog has one at a time and the next one not before
// that is done, so it gets one lane at most, and live webhooks get that between two batches.
bool LanePool::next_batch() {
    if (backlog_ != nullptr && backlog_->has_batch())
        backlog_->take_batch(spare_);
    else if (!queue_.empty())
        queue_.take_batch(settings_.batch_max, settings_.batch_max_bytes, spare_);
    else
        return false;
    return true;
}

void LanePool::lane_ready() {
    dispatch();
}

void LanePool::lane_lost() {
    if (lanes_connected() > 0)
        return;
    clear_queue();
    metrics_.alerts.clear();
}

bool LanePool::setup_problem_is_due(const std::string &reason) {
    const Clock::time_point now = Clock::now();
    if (reason == setup_problem_ && now - setup_problem_logged_ < setup_log_interval)
        return false;
    setup_problem_ = reason;
    setup_problem_logged_ = now;
    return true;
}

void LanePool::recycle(std::vector<Job> &&batch) {
    batch.clear();
    if (batch.capacity() > spare_.capacity() && spare_.empty())
        spare_ = std::move(batch);
}

// clear_queue does not leave anybody waiting for a lane that may never come.
void LanePool::clear_queue() {
    std::vector<Job> jobs;
    while (!queue_.empty()) {
        queue_.take_batch(settings_.batch_max, settings_.batch_max_bytes, jobs);
        for (Job &job : jobs)
            fall_back(std::move(job), not_available);
    }
}

bool LanePool::is_overdue(const Job &job, Clock::time_point now) const noexcept {
    const bool can_wait_elsewhere = job.backlog_id == 0 && backlog_ != nullptr && backlog_->takes();
    return can_wait_elsewhere && now - job.submitted > settings_.patience;
}

void LanePool::hand_over_overdue(Clock::time_point now) {
    while (!queue_.empty() && is_overdue(queue_.front(), now))
        backlog_->keep(queue_.take());
}

void LanePool::sweep() {
    const Clock::time_point now = Clock::now();
    hand_over_overdue(now);
    for (const auto &lane : lanes_)
        lane->sweep(now);
    ask_alerts(now);
    sweep_timer_.expires_after(sweep_interval);
    sweep_timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            sweep();
    });
}

// ask_alerts does let a lane that has nothing to do look up the alerts now and then.
void LanePool::ask_alerts(Clock::time_point now) {
    if (now < next_alerts_ || !queue_.empty())
        return;
    const auto ready = std::find_if(lanes_.begin(), lanes_.end(), [](const auto &lane) { return lane->is_ready(); });
    if (ready == lanes_.end())
        return;
    next_alerts_ = now + alerts_interval;
    (*ready)->ask_alerts();
}

void LanePool::stop() {
    stopped_ = true;
    sweep_timer_.cancel();
    for (const auto &lane : lanes_)
        lane->stop();
    clear_queue();
}

} // namespace msgstatus::receiver
