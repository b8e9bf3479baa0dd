// Everything observed about one message, merged: per state the earliest event time. A join-semilattice whose join is
// merge(): commutative, associative and idempotent, so observations may come in any order and any number of times.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "core/delivery_state.hpp"
#include "core/event_time.hpp"

namespace msgstatus {

// The status as it is computed with: a set of states and a time for each member. Slots of absent states are
// unspecified.
struct Status {
    StateSet present = 0;
    std::array<EventTime, state_count> time{};
};

// The status as it is stored: one byte of format version, the set, the members' times in ascending order of state, all
// in the byte order of the machine and without padding. Equal statuses have equal bytes.
inline constexpr std::uint8_t status_version = 1;
inline constexpr std::size_t status_header_size = 1 + sizeof(StateSet);
inline constexpr std::size_t max_packed_size = status_header_size + state_count * sizeof(EventTime);

// Returns the status that holds one fact. The time must be valid (is_valid_time).
Status observation(DeliveryState state, EventTime time) noexcept;

// Adds one fact to a status.
void observe(Status &status, DeliveryState state, EventTime time) noexcept;

// Returns everything that either status holds; where both know a state, the earlier time.
Status merge(const Status &a, const Status &b) noexcept;

// What merging something into a status changes.
struct StatusChange {
    // The states that were not there.
    StateSet added = 0;
    // A state that was there has an earlier time.
    bool earlier = false;
};

// Returns what merging `other` into `status` changes.
StatusChange change(const Status &status, const Status &other) noexcept;

// Returns whether merging a into b changes nothing: merge(a, b) equals b.
bool contained_in(const Status &a, const Status &b) noexcept;

// compare is a total order that extends contained_in and sorts by the highest state first: negative, zero, positive.
int compare(const Status &a, const Status &b) noexcept;

// Returns the highest state observed; nothing for the empty status.
std::optional<DeliveryState> state(const Status &status) noexcept;

// Returns the event time of that very state.
std::optional<EventTime> observed_at(const Status &status, DeliveryState state) noexcept;

// Returns the earliest time of anything observed that implies the state, so that the times of sent,
// delivered and read never decrease.
std::optional<EventTime> reached_at(const Status &status, DeliveryState state) noexcept;

// Returns the states reached, observed or implied, each with its reached_at.
Status timeline(const Status &status) noexcept;

// Returns the bytes that pack writes.
std::size_t packed_size(const Status &status) noexcept;

// Writes the stored form into `out`, which must hold packed_size bytes.
void pack(const Status &status, std::byte *out) noexcept;

// Reads the stored form; nothing where the bytes are not one (wrong version, wrong length, a time out of range).
std::optional<Status> unpack(std::span<const std::byte> bytes) noexcept;

} // namespace msgstatus
