#include "database/job.hpp"

#include <algorithm>
#include <chrono>

namespace msgstatus::receiver {

std::int64_t postgres_now() noexcept {
    constexpr std::int64_t epoch_difference = 946'684'800'000'000; // 1970 to 2000
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count() - epoch_difference;
}

void answer_committed(const Job &job, std::int32_t received, std::int32_t rejected) {
    Answer answer;
    if (job.empty_answer)
        answer.status = 204;
    else
        answer = processed_answer(rejected > 0, static_cast<unsigned long>(std::max(received - rejected, 0)));
    job.to.send(std::move(answer));
}

void answer_kept(const Job &job) {
    Answer answer;
    if (job.empty_answer) {
        answer.status = 204;
    } else {
        answer.content_type = "application/json";
        answer.fixed_body = R"({"status":"success","processed":0,"spooled":true})";
    }
    job.to.send(std::move(answer));
}

void answer_unavailable(const Job &job, std::string_view message) {
    job.to.send(unavailable_answer(message));
}

} // namespace msgstatus::receiver
