// What the program counts, and how Prometheus reads it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// A histogram with fixed upper bounds.
template <std::size_t Bounds>
class Histogram {
public:
    explicit Histogram(const std::array<double, Bounds> &bounds) : bounds_(bounds) {}

    void observe(double value) noexcept {
        std::size_t i = 0;
        while (i < Bounds && value > bounds_[i])
            ++i;
        ++counts_[i];
        sum_ += value;
    }

    const std::array<double, Bounds> &bounds() const noexcept { return bounds_; }
    /// counts does return the number of values in each interval, the one beyond the last bound included.
    const std::array<std::uint64_t, Bounds + 1> &counts() const noexcept { return counts_; }
    double sum() const noexcept { return sum_; }

private:
    std::array<double, Bounds> bounds_;
    std::array<std::uint64_t, Bounds + 1> counts_{};
    double sum_ = 0;
};

struct Metrics {
    std::map<std::pair<std::string_view, unsigned>, std::uint64_t> requests; ///< by route and status code
    std::map<std::string_view, std::uint64_t> signature_failures;            ///< by provider
    std::map<std::string_view, std::uint64_t> statuses;                      ///< by outcome
    std::uint64_t bodies_committed = 0;
    std::uint64_t bodies_kept_as_text = 0;
    std::uint64_t bodies_unavailable = 0;
    std::uint64_t batches_failed = 0;
    std::uint64_t connects = 0;
    std::uint64_t connect_failures = 0;
    Histogram<10> batch_size{{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}};
    Histogram<12> batch_seconds{{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5}};
};

/// What is read off at the moment of asking.
struct Gauges {
    std::size_t queue_depth = 0;
    std::size_t buffer_bytes = 0;
    std::size_t connections = 0;
    std::size_t lanes = 0;
    std::size_t lanes_connected = 0;
};

/// prometheus_text does write everything in Prometheus' text format, version 0.0.4.
std::string prometheus_text(const Metrics &metrics, const Gauges &gauges);

} // namespace msgstatus::receiver
