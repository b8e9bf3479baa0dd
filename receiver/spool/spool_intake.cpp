#include "spool/spool_intake.hpp"

#include <limits>
#include <utility>

#include "spool/spool.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t most_in_commit = 5000;

} // namespace

SpoolIntake::SpoolIntake(Spool &spool, Metrics &metrics)
    : spool_(spool), metrics_(metrics), waiting_(std::numeric_limits<std::size_t>::max()) {}

void SpoolIntake::keep(Job &&job) {
    waiting_.push(std::move(job));
    if (commit_planned_)
        return;
    // Those that come at the same moment, from a lane that has lost its connection say, go together.
    commit_planned_ = true;
    spool_.post([this] {
        commit_planned_ = false;
        commit_next();
    });
}

void SpoolIntake::commit_next() {
    if (!in_commit_.empty() || waiting_.empty())
        return;
    if (!spool_.takes()) { // it broke while they waited
        waiting_.take_batch(waiting_.size(), std::numeric_limits<std::size_t>::max(), in_commit_);
        answer(false);
        return;
    }
    waiting_.take_batch(most_in_commit, spool_.state().batch_bytes, in_commit_);
    items_.clear();
    for (const Job &job : in_commit_)
        items_.push_back({job.received_at, job.source, job.body.text()});
    spool_.run([this](SpoolWorker &worker) { return worker.append(items_); },
               [this](SpoolReport &&report) { answer(report.done); });
}

// answer does tell the senders of what was in the commit whether it is safe.
void SpoolIntake::answer(bool kept) {
    std::vector<Job> done;
    done.swap(in_commit_);
    commit_next();
    (kept ? metrics_.bodies_spooled : metrics_.spool_failures) += done.size();
    for (const Job &job : done) {
        if (kept) {
            answer_kept(job);
        } else {
            ++metrics_.bodies_unavailable;
            answer_unavailable(job, "neither the database nor the disk could take the webhook; try again later");
        }
    }
    spool_.intake_done();
}

} // namespace msgstatus::receiver
