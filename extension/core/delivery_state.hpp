// The totally ordered labels a message can be seen in, their names, and what one label says about others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace msgstatus {

// The numeric value is both the rank and what is stored on disk: never renumber. A state that must rank between two
// of these needs a new version of the stored status (see status.hpp).
enum class DeliveryState : std::uint8_t {
    processing,
    received,
    pending,
    scheduled,
    accepted,
    queued,
    sending,
    sent,
    partially_delivered,
    skipped,
    canceled,
    failed,
    undelivered,
    delivered,
    read,
    played,
};

inline constexpr std::size_t state_count = 16;

// A set of states, one bit for each, the lowest bit for the lowest state.
using StateSet = std::uint16_t;
static_assert(sizeof(StateSet) * 8 == state_count);

constexpr std::size_t index_of(DeliveryState state) noexcept {
    return static_cast<std::size_t>(state);
}

constexpr StateSet set_of(DeliveryState state) noexcept {
    return static_cast<StateSet>(1U << index_of(state));
}

template <typename... States>
constexpr StateSet set_of(DeliveryState first, States... rest) noexcept {
    return static_cast<StateSet>(set_of(first) | set_of(rest...));
}

constexpr bool contains(StateSet set, DeliveryState state) noexcept {
    return (set & set_of(state)) != 0;
}

// The canonical labels, in the order of the states. They are stored, too: in the texts of statuses and as names of
// columns ("in_" and the label), so none may change.
inline constexpr std::array<std::string_view, state_count> state_names{
    "processing",          "received", "pending",  "scheduled", "accepted",    "queued",    "sending", "sent",
    "partially_delivered", "skipped",  "canceled", "failed",    "undelivered", "delivered", "read",    "played",
};

// Returns the canonical lower-case label, e.g. "partially_delivered".
std::string_view state_name(DeliveryState state) noexcept;

// Reads a label in any case, or a synonym that a provider uses ("enqueued", "dispatched", ...); nothing for
// an unknown one.
std::optional<DeliveryState> parse_state(std::string_view label) noexcept;

// Returns the states of which any, once observed, means that the given state was reached.
//
// Source: a device can only read what was delivered, and a carrier can only deliver (in part, or refuse) what was sent.
constexpr StateSet states_implying(DeliveryState state) noexcept {
    using enum DeliveryState;
    switch (state) {
    case sent:
        return set_of(sent, partially_delivered, undelivered, delivered, read, played);
    case delivered:
        return set_of(delivered, read, played);
    case read:
        return set_of(read, played);
    default:
        return set_of(state);
    }
}

// Returns whether the state means that the message did not arrive, for a reason the provider names.
constexpr bool is_failure(DeliveryState state) noexcept {
    return contains(set_of(DeliveryState::failed, DeliveryState::undelivered), state);
}

// Returns whether the provider has finished its attempt to deliver: a state may still rise (delivered to read),
// but nothing is in flight any more.
constexpr bool is_final(DeliveryState state) noexcept {
    using enum DeliveryState;
    return contains(
        set_of(received, partially_delivered, skipped, canceled, failed, undelivered, delivered, read, played), state);
}

// Returns whether only messages that come in are ever seen in the state.
constexpr bool is_incoming(DeliveryState state) noexcept {
    return contains(set_of(DeliveryState::processing, DeliveryState::received), state);
}

} // namespace msgstatus
