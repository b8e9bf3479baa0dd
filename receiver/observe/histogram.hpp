// Counts of values by size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

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

} // namespace msgstatus::receiver
