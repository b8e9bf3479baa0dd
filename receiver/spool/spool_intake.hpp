// The way of webhooks to the disk.
#pragma once

#include <vector>

#include "database/job_queue.hpp"
#include "observe/metrics.hpp"
#include "spool/spool_store.hpp"

namespace msgstatus::receiver {

class Spool;

/// SpoolIntake does bring webhooks to the disk and answers them when they are safe. As with the lanes, there is no
/// timer: while one commit is under way others collect, and go as one.
class SpoolIntake {
public:
    SpoolIntake(Spool &spool, Metrics &metrics);

    void keep(Job &&job);

    /// is_idle does tell whether every webhook that came is answered.
    bool is_idle() const noexcept { return waiting_.empty() && in_commit_.empty(); }

private:
    void commit_next();
    void answer(bool kept);

    Spool &spool_;
    Metrics &metrics_;
    JobQueue waiting_;
    std::vector<Job> in_commit_;
    std::vector<SpoolItem> items_; ///< what the spool's thread sees of in_commit_
    bool commit_planned_ = false;
};

} // namespace msgstatus::receiver
