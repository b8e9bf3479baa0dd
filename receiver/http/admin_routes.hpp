// The routes of the admin listener: /healthz, /readyz, /metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "observe/metrics.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {

/// AdminRoutes does answer those who watch the program.
class AdminRoutes : public RequestHandler {
public:
    /// @param gauges  called for each answer
    AdminRoutes(const Metrics &metrics, std::function<Gauges()> gauges);

    std::optional<Answer> check_head(const Request &request, std::uint8_t &route) override;
    void handle(Request &request, std::uint8_t route, AnswerTo to) override;
    void answered(const AnsweredRequest &request) override;

    /// stop_being_ready does make /readyz answer 503 from now on: the program drains.
    void stop_being_ready() noexcept { draining_ = true; }

private:
    const Metrics &metrics_;
    std::function<Gauges()> gauges_;
    bool draining_ = false;
};

} // namespace msgstatus::receiver
