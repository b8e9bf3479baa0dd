// The webhooks that wait for a lane.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "database/job.hpp"

namespace msgstatus::receiver {

/// JobQueue does keep jobs in the order of their arrival, at most so many.
class JobQueue {
public:
    explicit JobQueue(std::size_t limit) : limit_(limit) {}

    bool is_full() const noexcept { return jobs_.size() >= limit_; }
    bool empty() const noexcept { return jobs_.empty(); }
    std::size_t size() const noexcept { return jobs_.size(); }

    /// push does append a job; the queue must not be full.
    void push(Job &&job) { jobs_.push_back(std::move(job)); }

    /// put_back does give a job that was taken the first place again, whether or not the queue is full.
    void put_back(Job &&job) { jobs_.push_front(std::move(job)); }

    /// front does return the oldest job, and take does take it out; the queue must not be empty.
    const Job &front() const noexcept { return jobs_.front(); }
    Job take() {
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        return job;
    }

    /// take_batch does move the oldest jobs to `batch`: at most `most`, and of at most `most_bytes` together, though
    /// one in any case.
    void take_batch(std::size_t most, std::size_t most_bytes, std::vector<Job> &batch);

private:
    std::size_t limit_;
    std::deque<Job> jobs_;
};

} // namespace msgstatus::receiver
