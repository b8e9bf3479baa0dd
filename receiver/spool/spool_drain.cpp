#include "spool/spool_drain.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "config/units.hpp"
#include "database/lane_pool.hpp"
#include "observe/log.hpp"
#include "spool/spool.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t most_in_batch = 500;
constexpr std::size_t first_batch = 50;
constexpr std::chrono::milliseconds call_time(25); // that a batch should take, so that live webhooks wait no longer
constexpr std::size_t small_batch = 64 * kibibyte; // of bodies; less costs no less than the commit
constexpr std::chrono::milliseconds shortest_pause(250);
constexpr std::chrono::milliseconds longest_pause(10000);
constexpr std::chrono::milliseconds first_retry(5000);
constexpr std::chrono::milliseconds last_retry(60000);

constexpr std::size_t most_sources = 32;
constexpr std::string_view another_source = "other";

// literal_source does return a source that lives as long as the program, as those of live webhooks do. There are as
// many as providers, unless something else has written to the spool.
std::string_view literal_source(const std::string &source) {
    static std::set<std::string> sources;
    const auto known = sources.find(source);
    if (known != sources.end())
        return *known;
    return sources.size() < most_sources ? std::string_view(*sources.insert(source).first) : another_source;
}

} // namespace

SpoolDrain::SpoolDrain(boost::asio::io_context &context, Spool &spool, LanePool &pool, Metrics &metrics,
                       std::size_t most, std::size_t most_bytes)
    : spool_(spool), pool_(pool), metrics_(metrics), most_(std::min(most, most_in_batch)), most_bytes_(most_bytes),
      timer_(context.get_executor()), size_(std::min(most_, first_batch)), pause_(shortest_pause),
      retry_pause_(first_retry) {}

void SpoolDrain::go_on() {
    const SpoolState &state = spool_.state();
    const Clock::time_point now = Clock::now();
    if (stopped_ || !state.open || pool_.lanes_connected() == 0)
        return;
    if (state.file != file_)
        start_over(state.file);
    if (now < not_before_)
        return;
    if (!next_.empty()) {
        pool_.backlog_ready();
    } else if (!reading_ && outstanding_ == 0) {
        if (state.depth == 0) {
            nothing_left(0);
        } else if (state.depth != passed_over_) {
            read_next();
        } else if (now >= retry_at_) {
            cursor_ = 0;
            passed_over_ = 0;
            read_next();
        }
    }
}

// start_over does forget everything about a file that is no longer the spool's.
void SpoolDrain::start_over(std::uint64_t file) {
    file_ = file;
    cursor_ = 0;
    passed_over_ = 0;
    leftovers_.clear();
    forget_read();
}

// forget_read does void what was read, or is being read, for the next batch.
void SpoolDrain::forget_read() {
    next_.clear();
    reading_ = false;
    ++reads_;
}

void SpoolDrain::read_next() {
    reading_ = true;
    spool_.run([after = cursor_, most = size_,
                bytes = most_bytes_](SpoolWorker &worker) { return worker.read(after, most, bytes); },
               [this, number = ++reads_](SpoolReport &&report) { batch_read(std::move(report), number); });
}

void SpoolDrain::batch_read(SpoolReport &&report, std::uint64_t number) {
    if (number != reads_)
        return;
    reading_ = false;
    if (!report.done || report.state.file != file_)
        return;
    if (report.entries.empty()) {
        if (outstanding_ == 0)
            nothing_left(report.state.depth);
        return;
    }
    cursor_ = report.entries.back().id;
    std::erase_if(report.entries, [this](const SpoolEntry &entry) { return leftovers_.contains(entry.id); });
    next_ = std::move(report.entries);
    go_on();
}

// nothing_left does end a round through the spool.
void SpoolDrain::nothing_left(std::size_t depth) {
    remove_leftovers(depth);
    passed_over_ = depth;
    if (depth > 0) {
        retry_at_ = Clock::now() + retry_pause_;
        retry_pause_ = std::min(2 * retry_pause_, last_retry);
        return;
    }
    retry_pause_ = first_retry;
    if (drained_ > 0)
        log(LogLevel::info, "spool drained", {{"bodies", drained_}});
    drained_ = 0;
}

bool SpoolDrain::has_batch() const noexcept {
    return !next_.empty() && outstanding_ == 0 && !stopped_ && Clock::now() >= not_before_;
}

void SpoolDrain::take_batch(std::vector<Job> &batch) {
    batch.clear();
    batch_bytes_ = 0;
    for (SpoolEntry &entry : next_) {
        batch_bytes_ += entry.body.size();
        Job &job = batch.emplace_back();
        job.body.replace(std::move(entry.body));
        job.received_at = entry.received_at;
        job.source = literal_source(entry.source);
        job.request_id = "spool-" + std::to_string(entry.id);
        job.backlog_id = entry.id;
    }
    batch_file_ = file_;
    batch_size_ = outstanding_ = next_.size();
    first_id_ = next_.front().id;
    last_id_ = next_.back().id;
    failed_ = lane_lost_ = false;
    started_ = Clock::now();
    next_.clear();
    read_next(); // while the call is in flight
}

void SpoolDrain::committed(const Job &job) {
    committed_.push_back(job.backlog_id);
    if (--outstanding_ == 0)
        batch_done();
}

void SpoolDrain::failed(const Job &, Failure failure) {
    failed_ = true;
    lane_lost_ = lane_lost_ || failure == Failure::unavailable;
    if (--outstanding_ == 0)
        batch_done();
}

void SpoolDrain::batch_done() {
    if (!committed_.empty()) {
        metrics_.bodies_drained += committed_.size();
        drained_ += committed_.size();
        pause_ = shortest_pause;
        remove(batch_file_, std::exchange(committed_, {}));
    }
    const Clock::duration took = Clock::now() - started_;
    rest(took / 2); // two thirds of one lane are the backlog's share
    if (!failed_)
        adapt_size(took);
    else if (batch_file_ == file_)
        batch_failed();
}

void SpoolDrain::remove(std::uint64_t file, std::vector<std::int64_t> ids) {
    const auto shared = std::make_shared<const std::vector<std::int64_t>>(std::move(ids));
    spool_.run([file, shared](SpoolWorker &worker) { return worker.remove(file, *shared); },
               [this, file, shared](SpoolReport &&report) {
                   if (!report.done && report.state.file == file && file == file_)
                       leftovers_.add(*shared);
               });
}

// remove_leftovers does try again to remove what could not be, or begins a new file where nothing else is left.
void SpoolDrain::remove_leftovers(std::size_t depth) {
    if (leftovers_.empty())
        return;
    if (leftovers_.size() < depth) {
        remove(file_, leftovers_.take());
        return;
    }
    spool_.run([file = file_, ids = leftovers_.take()](SpoolWorker &worker) { return worker.discard(file, ids); },
               [](SpoolReport &&) {});
}

void SpoolDrain::batch_failed() {
    if (batch_size_ > 1) {
        // Those of the batch that were committed are removed before it is read again.
        size_ = std::max<std::size_t>(1, batch_size_ / 2);
        cursor_ = first_id_ - 1;
    } else {
        ++passed_over_;
        cursor_ = last_id_;
    }
    forget_read();
    if (batch_size_ == 1 || lane_lost_) {
        rest(pause_);
        pause_ = std::min(2 * pause_, longest_pause);
    }
}

// rest does offer nothing for a while.
void SpoolDrain::rest(Clock::duration time) {
    not_before_ = Clock::now() + time;
    timer_.expires_at(not_before_);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            go_on();
    });
}

// adapt_size does aim at calls of call_time. Where a commit alone takes longer, smaller batches would be no faster.
void SpoolDrain::adapt_size(Clock::duration took) {
    if (took < call_time / 2) {
        size_ = std::max(size_, std::min(2 * batch_size_, most_));
    } else if (took > call_time) {
        const double fits = static_cast<double>(batch_size_) * std::chrono::duration<double>(call_time) / took;
        const std::size_t least = std::min(batch_size_ * small_batch / std::max<std::size_t>(1, batch_bytes_), most_);
        size_ = std::max({std::size_t{1}, static_cast<std::size_t>(fits), least});
    }
}

} // namespace msgstatus::receiver
