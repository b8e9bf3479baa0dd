// A webhook on its way through the queue and a lane.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/buffer_budget.hpp"
#include "http/request_handler.hpp"

namespace msgstatus::receiver {

struct Job {
    BufferedBody body;            ///< well-formed JSON
    std::int64_t received_at = 0; ///< microseconds since 2000-01-01 00:00 UTC, as PostgreSQL counts
    std::string_view source;      ///< names the provider; a literal
    std::string request_id;       ///< for the log
    Clock::time_point submitted;  ///< when it came to the lanes
    bool empty_answer = false;    ///< success is an empty 204 (Twilio)
    std::uint8_t attempts = 0;    ///< calls that were lost with their connection
    std::int64_t backlog_id = 0;  ///< of a webhook that comes from the backlog and has its answer already
    AnswerTo to;
};

/// postgres_now does return the time in microseconds since 2000-01-01 00:00 UTC.
std::int64_t postgres_now() noexcept;

/// answer_committed does tell the sender that the webhook is committed.
/// @param received, rejected  status objects found, and those among them that could not be used
void answer_committed(const Job &job, std::int32_t received, std::int32_t rejected);

/// answer_kept does tell the sender that the webhook is safe, though not yet committed.
void answer_kept(const Job &job);

/// answer_unavailable does tell the sender to come again: 503 with Retry-After.
void answer_unavailable(const Job &job, std::string_view message);

} // namespace msgstatus::receiver
