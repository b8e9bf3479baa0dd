#include "spool/spool.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/spawn.hpp"

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds tick_interval(100);
constexpr std::chrono::seconds look_again_interval(2);
constexpr std::size_t most_in_commit = 5000;
// A batch of the drain takes some milliseconds, so that live webhooks wait no longer.
constexpr std::size_t most_in_batch = 500;
constexpr std::size_t batch_bytes = 128 * kibibyte;
constexpr std::chrono::seconds long_call(1); // after which no larger batch is tried
constexpr std::chrono::milliseconds shortest_pause(250);
constexpr std::chrono::milliseconds longest_pause(10000);
constexpr std::chrono::seconds round_interval(10);

} // namespace

Spool::Spool(asio::io_context &context, const SpoolSettings &settings, LanePool &pool, Metrics &metrics)
    : context_(context), settings_(settings), pool_(pool), metrics_(metrics), arrived_(context.get_executor()),
      settled_(context.get_executor()), store_(settings) {}

void Spool::start() {
    for (Awaitable<> (Spool::*part)() : {&Spool::stay_open, &Spool::take_in, &Spool::drain})
        spawn(context_, (this->*part)());
}

// Runs an operation in the spool's thread. What it refers to must stay as it is meanwhile.
Awaitable<SpoolReport> Spool::run(Operation operation) {
    const auto start = [this](auto handler, Operation work) {
        asio::post(thread_, [this, handler = std::move(handler), work = std::move(work)]() mutable {
            asio::post(context_,
                       [handler = std::move(handler), report = work(store_)]() mutable { handler(std::move(report)); });
        });
    };
    const asio::use_awaitable_t<Executor> token;
    SpoolReport report = co_await asio::async_initiate<decltype(token), void(SpoolReport)>(start, token, operation);
    note(report);
    co_return report;
}

// Takes over the state that an operation left, and logs what an operator should know of it.
void Spool::note(const SpoolReport &report) {
    state_ = report.state;
    tried_ = true;
    const bool is_full = report.failure == SpoolFailure::full;
    if (is_full)
        full_until_ = Clock::now() + look_again_interval;
    if (!report.set_aside.empty())
        log(LogLevel::error, "spool set aside", {{"reason", report.reason}, {"kept_as", report.set_aside}});
    else if (is_full && failure_log_.admit())
        log(LogLevel::error, "spool full",
            {{"reason", report.reason}, {"bytes", state_.bytes}, {"suppressed", failure_log_.take_suppressed()}});
    else if (!is_full && report.failure != SpoolFailure::none && failure_log_.admit())
        log(LogLevel::error, "spool not usable",
            {{"reason", report.reason}, {"suppressed", failure_log_.take_suppressed()}});
    if (report.opened && state_.open)
        log(LogLevel::info, "spool open",
            {{"directory", settings_.directory}, {"bodies", state_.depth}, {"bytes", state_.bytes}});
    if (report.in_memory)
        log(LogLevel::warning, "spool is in memory", {{"directory", settings_.directory}});
}

Awaitable<> Spool::stay_open() {
    Event later(context_.get_executor());
    while (true) {
        if (!state_.open)
            co_await run([](SpoolStore &store) { return store.open(); });
        co_await later.wait(Clock::now() + look_again_interval);
    }
}

void Spool::keep(Job &&job) {
    waiting_.push(std::move(job));
    arrived_.wake();
}

// Brings webhooks to the disk and answers them when they are safe.
Awaitable<> Spool::take_in() {
    while (true) {
        while (waiting_.empty()) {
            if (finished_)
                asio::post(context_, std::exchange(finished_, nullptr));
            co_await arrived_.wait();
        }
        std::vector<Job> jobs;
        waiting_.take_batch(most_in_commit, settings_.log_bytes() / 4, jobs);
        const SpoolReport report = co_await run([&jobs](SpoolStore &store) { return store.append(jobs); });
        if (report.done)
            metrics_.bodies_spooled += jobs.size();
        for (Job &job : jobs) {
            if (report.done)
                answer_kept(job);
            else
                pool_.not_kept(std::move(job));
        }
    }
}

void Spool::finish(std::function<void()> done) {
    finished_ = std::move(done);
    arrived_.wake();
}

bool Spool::can_drain() const noexcept {
    return !stopped_ && pool_.lanes_connected() > 0 && state_.depth > 0 &&
           (state_.depth > passed_over_ || Clock::now() >= next_round_);
}

// Goes through the spool, again and again.
Awaitable<> Spool::drain() {
    Event later(context_.get_executor());
    const std::size_t most = std::min(settings_.batch_max, most_in_batch);
    const std::size_t most_bytes = std::min(settings_.batch_max_bytes, batch_bytes);
    std::int64_t cursor = 0; // the last webhook of this round that is done with
    std::size_t size = most;
    std::chrono::milliseconds pause = shortest_pause;
    while (true) {
        while (!can_drain())
            co_await later.wait(Clock::now() + tick_interval);
        if (state_.depth <= passed_over_) {
            cursor = 0;
            passed_over_ = 0;
        }
        SpoolReport report = co_await run([=](SpoolStore &store) { return store.read(cursor, size, most_bytes); });
        if (report.jobs.empty()) {
            passed_over_ = state_.depth;
            next_round_ = Clock::now() + round_interval;
            continue;
        }
        const std::size_t offered = report.jobs.size();
        const std::int64_t last = report.jobs.back().backlog_id;
        co_await offer(std::move(report.jobs));
        const Clock::duration took = Clock::now() - taken_at_;
        if (!committed_.empty()) {
            metrics_.bodies_drained += committed_.size();
            drained_ += committed_.size();
            pause = shortest_pause;
            co_await run([this](SpoolStore &store) { return store.remove(committed_); });
        }
        if (state_.open && state_.depth == 0)
            log(LogLevel::info, "spool drained", {{"bodies", std::exchange(drained_, 0)}});
        Clock::duration rest = took / 2; // two thirds of one lane are the backlog's share
        if (failed_ && (offered == 1 || lane_lost_)) {
            rest = std::max<Clock::duration>(rest, pause);
            pause = std::min(2 * pause, longest_pause);
        }
        if (failed_ && offered > 1) {
            size = offered / 2;
        } else {
            cursor = last;
            passed_over_ += failed_ ? 1 : 0;
            next_round_ = Clock::now() + round_interval;
            if (!failed_ && took < long_call)
                size = std::min(2 * size, most);
        }
        co_await later.wait(Clock::now() + rest);
    }
}

// Offers a batch to the lanes and returns when one has done with it.
Awaitable<> Spool::offer(std::vector<Job> jobs) {
    committed_.clear();
    failed_ = lane_lost_ = false;
    next_ = std::move(jobs);
    while (!next_.empty() || outstanding_ > 0) {
        if (!next_.empty())
            pool_.backlog_ready();
        co_await settled_.wait(Clock::now() + tick_interval);
    }
}

void Spool::take_batch(std::vector<Job> &batch) {
    batch = std::exchange(next_, {});
    outstanding_ = batch.size();
    taken_at_ = Clock::now();
}

void Spool::committed(const Job &job) {
    committed_.push_back(job.backlog_id);
    if (--outstanding_ == 0)
        settled_.wake();
}

void Spool::failed(const Job &, Failure failure) {
    failed_ = true;
    lane_lost_ = lane_lost_ || failure == Failure::unavailable;
    if (--outstanding_ == 0)
        settled_.wake();
}

SpoolGauges Spool::gauges() const {
    double oldest_age = 0;
    if (state_.oldest)
        oldest_age = std::max(0.0, static_cast<double>(postgres_now() - *state_.oldest) / 1e6);
    return {state_.depth, state_.bytes, settings_.max_bytes, oldest_age};
}

} // namespace msgstatus::receiver
