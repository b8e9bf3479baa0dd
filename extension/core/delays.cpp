#include "core/delays.hpp"

#include <algorithm>

namespace msgstatus {
namespace {

std::optional<Delay> delay_between(const Status &status, DeliveryState from, DeliveryState to) noexcept {
    if (!contains(status.present, from))
        return std::nullopt;
    const auto end = reached_at(status, to);
    if (!end)
        return std::nullopt;
    return *end - *reached_at(status, from); // what is reached later implies what is reached earlier: never negative
}

} // namespace

std::optional<Delay> delivery_delay(const Status &status) noexcept {
    return delay_between(status, DeliveryState::sent, DeliveryState::delivered);
}

std::optional<Delay> read_delay(const Status &status) noexcept {
    return delay_between(status, DeliveryState::delivered, DeliveryState::read);
}

std::optional<Delay> failure_delay(const Status &status) noexcept {
    const auto highest = state(status);
    if (!highest || !is_failure(*highest))
        return std::nullopt;
    std::optional<EventTime> began;
    std::optional<EventTime> failed;
    for (std::size_t i = 0; i < state_count; ++i) {
        const auto state = static_cast<DeliveryState>(i);
        const auto time = observed_at(status, state);
        if (!time)
            continue;
        auto &earliest = is_failure(state) ? failed : began;
        earliest = std::min(earliest.value_or(*time), *time);
    }
    if (!began || !failed)
        return std::nullopt;
    return std::max<Delay>(*failed - *began, 0);
}

} // namespace msgstatus
