#include "spool/spool.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds tick_interval(100);
constexpr std::chrono::seconds look_again_interval(2);
constexpr std::size_t most_in_commit = 5000;
constexpr std::size_t most_in_batch = 500;
constexpr std::size_t first_batch = 50;
constexpr std::chrono::milliseconds call_time(25); // that a batch should take, so that live webhooks wait no longer
constexpr std::size_t small_batch = 64 * kibibyte; // of bodies; less costs no less than the commit
constexpr std::chrono::milliseconds shortest_pause(250);
constexpr std::chrono::milliseconds longest_pause(10000);
constexpr std::chrono::milliseconds first_retry(5000);
constexpr std::chrono::milliseconds last_retry(60000);
constexpr std::size_t most_sources = 32;

// Returns a source that lives as long as the program, as those of live webhooks do. There are as many as providers,
// unless something else has written to the spool.
std::string_view literal_source(const std::string &source) {
    static std::set<std::string> sources;
    if (const auto known = sources.find(source); known != sources.end())
        return *known;
    return sources.size() < most_sources ? std::string_view(*sources.insert(source).first) : "other";
}

} // namespace

Spool::Spool(asio::io_context &context, const SpoolSettings &settings, LanePool &pool, Metrics &metrics)
    : context_(context), settings_(settings), pool_(pool), metrics_(metrics), arrived_(context.get_executor()),
      size_(std::min({settings.batch_max, most_in_batch, first_batch})), settled_(context.get_executor()),
      pause_(shortest_pause), retry_pause_(first_retry), worker_(settings.directory, settings.limits) {}

void Spool::start() {
    for (Awaitable<> (Spool::*part)() : {&Spool::stay_open, &Spool::take_in, &Spool::drain})
        asio::co_spawn(context_, (this->*part)(), asio::detached);
}

// Runs an operation in the spool's thread. What it refers to must stay as it is meanwhile.
Awaitable<SpoolReport> Spool::run(Operation operation) {
    struct Shared {
        std::optional<SpoolReport> report;
        Event done;
    };
    const auto shared = std::make_shared<Shared>(Shared{std::nullopt, Event(context_.get_executor())});
    asio::post(thread_, [this, operation = std::move(operation), shared, guard = asio::make_work_guard(context_)] {
        auto report = std::make_shared<SpoolReport>(operation(worker_));
        asio::post(context_, [shared, report] {
            shared->report = std::move(*report);
            shared->done.wake();
        });
    });
    while (!shared->report)
        co_await shared->done.wait();
    note(*shared->report);
    co_return std::move(*shared->report);
}

// Takes over the state that an operation left, and logs what an operator should know of it.
void Spool::note(const SpoolReport &report) {
    state_ = report.state;
    tried_ = true;
    if (report.failure == SpoolError::Kind::full)
        full_until_ = Clock::now() + look_again_interval;
    if (!report.set_aside.empty())
        log(LogLevel::error, "spool set aside", {{"reason", report.reason}, {"kept_as", report.set_aside}});
    else if (report.failure == SpoolError::Kind::full && failure_log_.admit())
        log(LogLevel::error, "spool full",
            {{"reason", report.reason}, {"bytes", state_.bytes}, {"suppressed", failure_log_.take_suppressed()}});
    else if (report.failure && report.failure != SpoolError::Kind::full && failure_log_.admit())
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
            co_await run([](SpoolWorker &worker) { return worker.open(); });
        const Clock::time_point again = Clock::now() + look_again_interval;
        do {
            co_await later.wait(Clock::now() + tick_interval);
        } while (state_.open || Clock::now() < again);
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
            committing_ = false;
            if (finished_)
                asio::post(context_, std::exchange(finished_, nullptr));
            co_await arrived_.wait();
        }
        committing_ = true;
        std::vector<Job> jobs;
        waiting_.take_batch(most_in_commit, std::max<std::size_t>(state_.batch_bytes, 1), jobs);
        std::vector<SpoolItem> items;
        for (const Job &job : jobs)
            items.push_back({job.received_at, job.source, job.body.text()});
        bool kept = false;
        if (state_.open) { // else it broke while they waited
            const SpoolReport report = co_await run([&items](SpoolWorker &worker) { return worker.append(items); });
            kept = report.done;
        }
        if (kept)
            metrics_.bodies_spooled += jobs.size();
        for (Job &job : jobs) {
            if (kept)
                answer_kept(job);
            else
                pool_.not_kept(std::move(job));
        }
    }
}

void Spool::finish(std::function<void()> done) {
    finished_ = std::move(done);
    if (!committing_)
        arrived_.wake();
}

// Forgets everything about a file that is no longer the spool's.
void Spool::start_over() {
    file_ = state_.file;
    cursor_ = 0;
    passed_over_ = 0;
    leftovers_.clear();
}

Awaitable<> Spool::drain() {
    Event later(context_.get_executor());
    const auto ready = [this] {
        return !stopped_ && state_.open && pool_.lanes_connected() > 0 && state_.depth + leftovers_.size() + drained_ > 0 &&
               (state_.depth != passed_over_ || Clock::now() >= retry_at_);
    };
    while (true) {
        if (rest_ > Clock::duration::zero())
            co_await later.wait(Clock::now() + std::exchange(rest_, {}));
        while (!ready())
            co_await later.wait(Clock::now() + tick_interval);
        if (state_.file != file_)
            start_over();
        if (state_.depth == passed_over_) {
            cursor_ = 0;
            passed_over_ = 0;
        }
        SpoolReport report = co_await run(
            [this](SpoolWorker &worker) { return worker.read(cursor_, size_, settings_.batch_max_bytes); });
        if (!report.done || report.state.file != file_) {
            rest_ = tick_interval;
            continue;
        }
        if (report.entries.empty()) {
            co_await end_round(report.state.depth);
            continue;
        }
        const std::int64_t before = cursor_;
        cursor_ = report.entries.back().id;
        std::erase_if(report.entries, [this](const SpoolEntry &entry) { return leftovers_.contains(entry.id); });
        if (report.entries.empty())
            continue;
        const bool through = co_await offer(std::move(report.entries));
        if (!through && state_.file == file_)
            cursor_ = before;
    }
}

// Offers a batch to the lanes and removes from disk what was committed; false if the batch has to be read again.
Awaitable<bool> Spool::offer(std::vector<SpoolEntry> entries) {
    const std::size_t size = entries.size();
    std::size_t bytes = 0;
    for (const SpoolEntry &entry : entries)
        bytes += entry.body.size();
    failed_ = lane_lost_ = false;
    next_ = std::move(entries);
    while (!next_.empty() || outstanding_ > 0) {
        if (outstanding_ == 0)
            pool_.backlog_ready();
        co_await settled_.wait(Clock::now() + tick_interval);
    }
    const Clock::duration took = Clock::now() - taken_at_;
    if (!committed_.empty()) {
        metrics_.bodies_drained += committed_.size();
        drained_ += committed_.size();
        pause_ = shortest_pause;
        co_await remove(std::exchange(committed_, {}));
    }
    rest_ = took / 2; // two thirds of one lane are the backlog's share
    if (!failed_)
        adapt_size(size, bytes, took);
    else if (state_.file == file_)
        batch_failed(size);
    co_return !failed_ || size == 1;
}

void Spool::take_batch(std::vector<Job> &batch) {
    batch.clear();
    for (SpoolEntry &entry : next_) {
        Job &job = batch.emplace_back();
        job.body.replace(std::move(entry.body));
        job.received_at = entry.received_at;
        job.source = literal_source(entry.source);
        job.request_id = "spool-" + std::to_string(entry.id);
        job.backlog_id = entry.id;
    }
    outstanding_ = next_.size();
    taken_at_ = Clock::now();
    next_.clear();
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

Awaitable<> Spool::remove(std::vector<std::int64_t> ids) {
    const std::uint64_t file = file_;
    const SpoolReport report = co_await run([file, &ids](SpoolWorker &worker) { return worker.remove(file, ids); });
    if (!report.done && report.state.file == file)
        leftovers_.insert(ids.begin(), ids.end());
}

// Ends a round through the spool. Tries again to remove what could not be, or begins a new file where nothing else is
// left.
Awaitable<> Spool::end_round(std::size_t depth) {
    if (!leftovers_.empty()) {
        std::vector<std::int64_t> ids(leftovers_.begin(), leftovers_.end());
        leftovers_.clear();
        if (ids.size() < depth)
            co_await remove(std::move(ids));
        else
            co_await run([file = file_, &ids](SpoolWorker &worker) { return worker.discard(file, ids); });
        depth = state_.depth;
    }
    passed_over_ = depth;
    if (depth > 0) {
        retry_at_ = Clock::now() + retry_pause_;
        retry_pause_ = std::min(2 * retry_pause_, last_retry);
        co_return;
    }
    retry_pause_ = first_retry;
    if (drained_ > 0)
        log(LogLevel::info, "spool drained", {{"bodies", drained_}});
    drained_ = 0;
}

void Spool::batch_failed(std::size_t size) {
    if (size > 1)
        size_ = std::max<std::size_t>(1, size / 2);
    else
        ++passed_over_;
    if (size == 1 || lane_lost_) {
        rest_ = std::max<Clock::duration>(rest_, pause_);
        pause_ = std::min(2 * pause_, longest_pause);
    }
}

// Aims at calls of call_time. Where a commit alone takes longer, smaller batches would be no faster.
void Spool::adapt_size(std::size_t size, std::size_t bytes, Clock::duration took) {
    const std::size_t most = std::min(settings_.batch_max, most_in_batch);
    if (took < call_time / 2) {
        size_ = std::max(size_, std::min(2 * size, most));
    } else if (took > call_time) {
        const double fits = static_cast<double>(size) * std::chrono::duration<double>(call_time) / took;
        const std::size_t least = std::min(size * small_batch / std::max<std::size_t>(1, bytes), most);
        size_ = std::max({std::size_t{1}, static_cast<std::size_t>(fits), least});
    }
}

SpoolGauges Spool::gauges() const {
    double oldest_age = 0;
    if (state_.oldest)
        oldest_age = std::max(0.0, static_cast<double>(postgres_now() - *state_.oldest) / 1e6);
    return {state_.depth, state_.bytes, settings_.limits.max_bytes, oldest_age};
}

} // namespace msgstatus::receiver
