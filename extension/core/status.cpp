#include "core/status.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace msgstatus {
namespace {

// Calls visit(index) for each member of the set, in ascending order of state.
template <typename Visit>
void for_each_member(StateSet set, Visit visit) {
    for (unsigned rest = set; rest != 0; rest &= rest - 1)
        visit(static_cast<std::size_t>(std::countr_zero(rest)));
}

} // namespace

Status observation(DeliveryState state, EventTime time) noexcept {
    Status status;
    status.present = set_of(state);
    status.time[index_of(state)] = time;
    return status;
}

void observe(Status &status, DeliveryState state, EventTime time) noexcept {
    EventTime &slot = status.time[index_of(state)];
    slot = contains(status.present, state) ? std::min(slot, time) : time;
    status.present |= set_of(state);
}

Status merge(const Status &a, const Status &b) noexcept {
    Status merged = a;
    merged.present |= b.present;
    for_each_member(b.present, [&](std::size_t i) {
        const bool in_both = (a.present >> i & 1U) != 0;
        merged.time[i] = in_both ? std::min(a.time[i], b.time[i]) : b.time[i];
    });
    return merged;
}

StatusChange change(const Status &status, const Status &other) noexcept {
    StatusChange change;
    change.added = static_cast<StateSet>(other.present & ~status.present);
    for_each_member(other.present & status.present,
                    [&](std::size_t i) { change.earlier = change.earlier || other.time[i] < status.time[i]; });
    return change;
}

bool contained_in(const Status &a, const Status &b) noexcept {
    if ((a.present & ~b.present) != 0)
        return false;
    bool contained = true;
    for_each_member(a.present, [&](std::size_t i) { contained = contained && b.time[i] <= a.time[i]; });
    return contained;
}

int compare(const Status &a, const Status &b) noexcept {
    // From the highest state down: knowing more, or knowing it earlier, is greater. Hence a status never sorts after
    // one that contains it, and the highest state decides first. (Only states that either knows are visited; a plain
    // countdown over all states, testing both bits, is compiled wrongly by g++ 12.2 -O2.)
    for (unsigned rest = a.present | b.present; rest != 0;) {
        const auto i = static_cast<std::size_t>(std::bit_width(rest) - 1);
        const StateSet bit = set_of(static_cast<DeliveryState>(i));
        if ((a.present & bit) == 0)
            return -1;
        if ((b.present & bit) == 0)
            return 1;
        if (a.time[i] != b.time[i])
            return a.time[i] < b.time[i] ? 1 : -1;
        rest ^= bit;
    }
    return 0;
}

std::optional<DeliveryState> state(const Status &status) noexcept {
    if (status.present == 0)
        return std::nullopt;
    return static_cast<DeliveryState>(std::bit_width(status.present) - 1);
}

std::optional<EventTime> observed_at(const Status &status, DeliveryState state) noexcept {
    if (!contains(status.present, state))
        return std::nullopt;
    return status.time[index_of(state)];
}

std::optional<EventTime> reached_at(const Status &status, DeliveryState state) noexcept {
    std::optional<EventTime> earliest;
    for_each_member(status.present & states_implying(state), [&](std::size_t i) {
        if (!earliest || status.time[i] < *earliest)
            earliest = status.time[i];
    });
    return earliest;
}

Status timeline(const Status &status) noexcept {
    Status reached;
    for (std::size_t i = 0; i < state_count; ++i) {
        const auto state = static_cast<DeliveryState>(i);
        if (const auto time = reached_at(status, state))
            observe(reached, state, *time);
    }
    return reached;
}

std::size_t packed_size(const Status &status) noexcept {
    return status_header_size + static_cast<std::size_t>(std::popcount(status.present)) * sizeof(EventTime);
}

void pack(const Status &status, std::byte *out) noexcept {
    *out++ = std::byte{status_version};
    std::memcpy(out, &status.present, sizeof(StateSet));
    out += sizeof(StateSet);
    for_each_member(status.present, [&](std::size_t i) {
        std::memcpy(out, &status.time[i], sizeof(EventTime));
        out += sizeof(EventTime);
    });
}

std::optional<Status> unpack(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < status_header_size || bytes[0] != std::byte{status_version})
        return std::nullopt;
    Status status;
    std::memcpy(&status.present, bytes.data() + 1, sizeof(StateSet));
    if (bytes.size() != packed_size(status))
        return std::nullopt;
    const std::byte *in = bytes.data() + status_header_size;
    bool valid = true;
    for_each_member(status.present, [&](std::size_t i) {
        std::memcpy(&status.time[i], in, sizeof(EventTime));
        in += sizeof(EventTime);
        valid = valid && is_valid_time(status.time[i]);
    });
    if (!valid)
        return std::nullopt;
    return status;
}

} // namespace msgstatus
