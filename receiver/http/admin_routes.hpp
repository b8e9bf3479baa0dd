// The routes of the admin listener: /healthz, /readyz, /metrics.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "http/request.hpp"
#include "observe/metrics.hpp"

namespace msgstatus::receiver {

/// AdminRoutes answers those who watch the program.
class AdminRoutes : public RequestHandler {
public:
    /// @param gauges  called for each answer
    AdminRoutes(const Metrics &metrics, std::function<Gauges()> gauges)
        : metrics_(metrics), gauges_(std::move(gauges)) {}

    std::optional<Answer> check_head(Request &request) override;
    void handle(Request &request, AnswerTo to) override;

    /// Makes /readyz answer 503 from now on: the program drains.
    void stop_being_ready() noexcept { draining_ = true; }

private:
    Answer readiness(const Gauges &gauges) const;

    const Metrics &metrics_;
    std::function<Gauges()> gauges_;
    bool draining_ = false;
};

} // namespace msgstatus::receiver
