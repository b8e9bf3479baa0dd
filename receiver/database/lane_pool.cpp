#include "database/lane_pool.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace msgstatus::receiver {
namespace {

constexpr std::chrono::milliseconds sweep_interval(250);

} // namespace

LanePool::LanePool(boost::asio::io_context &context, LaneSettings settings, Metrics &metrics)
    : context_(context), settings_(std::move(settings)), metrics_(metrics), queue_(settings_.queue_max),
      sweep_timer_(context.get_executor()) {
    for (std::size_t i = 0; i < settings_.lanes; ++i)
        lanes_.push_back(std::make_unique<Lane>(context, *this, i + 1));
}

LanePool::~LanePool() = default;

void LanePool::start() {
    for (const auto &lane : lanes_)
        lane->start();
    sweep();
}

std::size_t LanePool::lanes_connected() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(lanes_.begin(), lanes_.end(), [](const auto &lane) { return lane->is_connected(); }));
}

void LanePool::submit(Job &&job) {
    if (stopped_ || lanes_connected() == 0) {
        ++metrics_.bodies_unavailable;
        answer_unavailable(job, "the database is not available; try again later");
        return;
    }
    if (queue_.is_full()) {
        ++metrics_.bodies_unavailable;
        answer_unavailable(job, "too many webhooks are waiting; try again later");
        return;
    }
    queue_.push(std::move(job));
    dispatch_later();
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
        if (queue_.empty() || stopped_)
            return;
        if (!lane->is_ready())
            continue;
        queue_.take_batch(settings_.batch_max, settings_.batch_max_bytes, spare_);
        lane->carry(spare_);
    }
}

void LanePool::lane_ready() {
    dispatch();
}

void LanePool::lane_lost() {
    if (lanes_connected() == 0)
        refuse_queue();
}

void LanePool::recycle(std::vector<Job> &&batch) {
    batch.clear();
    if (batch.capacity() > spare_.capacity() && spare_.empty())
        spare_ = std::move(batch);
}

void LanePool::refuse_queue() {
    std::vector<Job> refused;
    while (!queue_.empty()) {
        queue_.take_batch(settings_.batch_max, settings_.batch_max_bytes, refused);
        for (const Job &job : refused) {
            ++metrics_.bodies_unavailable;
            answer_unavailable(job, "the database is not available; try again later");
        }
    }
}

void LanePool::sweep() {
    const Clock::time_point now = Clock::now();
    for (const auto &lane : lanes_)
        lane->sweep(now);
    sweep_timer_.expires_after(sweep_interval);
    sweep_timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            sweep();
    });
}

void LanePool::stop() {
    stopped_ = true;
    sweep_timer_.cancel();
    for (const auto &lane : lanes_)
        lane->stop();
    refuse_queue();
}

} // namespace msgstatus::receiver
