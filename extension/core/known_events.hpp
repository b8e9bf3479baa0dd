// Which events of a message the trail holds, as far as a few bytes tell: the smallest numbers of their fingerprints. By
// them a redelivery is told without a look into the trail. A set whose union is commutative, associative and
// idempotent, the cut included, so it does not depend on the order of events.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace msgstatus {

// Most messages have three events. Those of a group have some for each participant, and are looked up in the trail.
inline constexpr std::size_t max_known_events = 16;

struct KnownEvents {
    std::array<std::uint32_t, max_known_events> numbers;
    std::size_t count = 0;

    std::span<const std::uint32_t> all() const { return {numbers.data(), count}; }
};

// Returns the 32 bits of a fingerprint that stand for the event.
inline std::uint32_t number_of(std::int64_t fingerprint) {
    return static_cast<std::uint32_t>(fingerprint);
}

// Puts a number into the set, unless the set is full of smaller ones.
void add(KnownEvents &events, std::uint32_t number) noexcept;

// Returns the smallest numbers of both.
KnownEvents unite(const KnownEvents &a, const KnownEvents &b) noexcept;

// Returns whether every number of `wanted` is in `known`. False says nothing where the set is full.
bool holds(const KnownEvents &known, const KnownEvents &wanted) noexcept;

// Reads the stored form: the numbers in ascending order, in the byte order of the machine. Of bytes
// that are none, it takes what it can: the set is a hint to skip a search, and damage to it must not keep statuses out.
KnownEvents unpack_known_events(std::span<const std::byte> bytes) noexcept;

} // namespace msgstatus
