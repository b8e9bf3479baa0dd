#include "database/job_queue.hpp"

namespace msgstatus::receiver {

void JobQueue::take_batch(std::size_t most, std::size_t most_bytes, std::vector<Job> &batch) {
    batch.clear();
    std::size_t bytes = 0;
    while (!jobs_.empty() && batch.size() < most) {
        bytes += jobs_.front().body.text().size();
        if (bytes > most_bytes && !batch.empty())
            return;
        batch.push_back(std::move(jobs_.front()));
        jobs_.pop_front();
    }
}

} // namespace msgstatus::receiver
