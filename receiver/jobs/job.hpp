// Webhooks on their way: what routes, lanes and spool hand each other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer_budget.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {

struct Job {
    BufferedBody body;            ///< well-formed JSON
    std::int64_t received_at = 0; ///< microseconds since 2000-01-01 00:00 UTC, as PostgreSQL counts
    std::string_view source;      ///< names the provider; a literal
    std::string request_id;       ///< for the log
    Clock::time_point submitted;  ///< when it came to the lanes
    bool empty_answer = false;    ///< success is an empty 204 (Twilio)
    bool spool_refused = false;   ///< it waits for the database again, since the disk could not take it
    bool may_return = false;      ///< should the disk refuse it, the lanes take it back
    std::uint8_t attempts = 0;    ///< calls that were lost with their connection
    std::int64_t backlog_id = 0;  ///< of a webhook that comes from the backlog and has its answer already
    AnswerTo to;
};

/// Tells the sender of success.
/// @param json  the answer, unless the provider wants none
inline void answer_success(const Job &job, std::string json) {
    Answer answer;
    if (job.empty_answer)
        answer.status = 204;
    else
        answer = json_answer(std::move(json));
    job.to.send(std::move(answer));
}

/// Tells the sender that the webhook is committed: `{"status": "success", "processed": n}`, or "partial_success".
/// @param received, rejected  status objects found, and those among them that could not be used
inline void answer_committed(const Job &job, std::int32_t received, std::int32_t rejected) {
    answer_success(job, std::string(R"({"status":")") + (rejected > 0 ? "partial_success" : "success") +
                            R"(","processed":)" + std::to_string(std::max(received - rejected, 0)) + "}");
}

/// Tells the sender that the webhook is on disk, though not yet committed.
inline void answer_kept(const Job &job) {
    answer_success(job, R"({"status":"success","processed":0,"spooled":true})");
}

/// JobQueue keeps jobs in the order of their arrival.
class JobQueue {
public:
    bool empty() const noexcept { return jobs_.empty(); }
    std::size_t size() const noexcept { return jobs_.size(); }
    void push(Job &&job) { jobs_.push_back(std::move(job)); }
    /// Gives a job that was taken the first place again.
    void put_back(Job &&job) { jobs_.push_front(std::move(job)); }

    /// Returns the oldest job; take() takes it out. The queue must not be empty.
    const Job &front() const noexcept { return jobs_.front(); }
    Job take() {
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        return job;
    }

    /// Moves the oldest jobs to `batch`: at most `most`, and of at most `most_bytes` together, though one in any case.
    void take_batch(std::size_t most, std::size_t most_bytes, std::vector<Job> &batch) {
        batch.clear();
        for (std::size_t bytes = 0; !jobs_.empty() && batch.size() < most;) {
            bytes += jobs_.front().body.text().size();
            if (bytes > most_bytes && !batch.empty())
                return;
            batch.push_back(take());
        }
    }

private:
    std::deque<Job> jobs_;
};

/// What a failure of a call means for the webhooks in it.
enum class Failure : std::uint8_t {
    data,        ///< a body that jsonb refuses: it would fail again, its neighbours not
    conflict,    ///< serialization failure or deadlock: the same call may well succeed now
    unavailable, ///< the server cannot take anything now: reconnect
    other,       ///< e.g. a user's trigger that raises: perhaps for one message only
};

/// Backlog keeps webhooks for when the database is back, and offers them to the lanes then, a batch at a time. What it
/// offers are jobs with a backlog_id, of which it hears what became.
class Backlog {
public:
    virtual ~Backlog() = default;

    /// Returns whether a webhook can be kept at present.
    virtual bool takes() const noexcept = 0;

    /// Returns whether it would be kept, as far as one can know beforehand.
    virtual bool has_room() const noexcept = 0;

    /// Answers the webhook when it is safe, or gives it back if that fails.
    virtual void keep(Job &&job) = 0;

    /// Returns whether a batch is ready for a lane.
    virtual bool has_batch() const noexcept = 0;

    /// Moves the batch that is ready to `batch`.
    virtual void take_batch(std::vector<Job> &batch) = 0;

    /// Hears what became of a job of the last batch, each exactly once.
    virtual void committed(const Job &job) = 0;
    virtual void failed(const Job &job, Failure failure) = 0;
};

} // namespace msgstatus::receiver
