// Where webhooks wait that no lane could take.
#pragma once

#include <vector>

#include "database/job.hpp"
#include "database/sqlstate.hpp"

namespace msgstatus::receiver {

/// Backlog does keep webhooks for when the database is back, and offers them to the lanes then, a batch at a time. What
/// it offers are jobs with a backlog_id, of which it hears what became.
class Backlog {
public:
    virtual ~Backlog() = default;

    /// takes does tell whether a webhook can be kept at present.
    virtual bool takes() const noexcept = 0;

    /// keep does answer the webhook when it is safe, or 503 if that fails.
    virtual void keep(Job &&job) = 0;

    /// has_batch does tell whether a batch is ready for a lane.
    virtual bool has_batch() const noexcept = 0;

    /// take_batch does move the batch that is ready to `batch`.
    virtual void take_batch(std::vector<Job> &batch) = 0;

    /// committed and failed do tell what became of a job of the last batch, each exactly once.
    virtual void committed(const Job &job) = 0;
    virtual void failed(const Job &job, Failure failure) = 0;
};

} // namespace msgstatus::receiver
