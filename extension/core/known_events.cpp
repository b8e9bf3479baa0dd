#include "core/known_events.hpp"

#include <algorithm>
#include <cstring>

namespace msgstatus {

void add(KnownEvents &events, std::uint32_t number) noexcept {
    auto *begin = events.numbers.data();
    auto *end = begin + events.count;
    auto *place = std::lower_bound(begin, end, number);
    if (place != end && *place == number)
        return;
    if (events.count == max_known_events) {
        if (place == end)
            return;
        --end;
        --events.count;
    }
    std::move_backward(place, end, end + 1);
    *place = number;
    ++events.count;
}

KnownEvents unite(const KnownEvents &a, const KnownEvents &b) noexcept {
    KnownEvents all = a;
    for (const std::uint32_t number : b.all())
        add(all, number);
    return all;
}

bool holds(const KnownEvents &known, const KnownEvents &wanted) noexcept {
    const auto in = known.all();
    const auto out = wanted.all();
    return std::includes(in.begin(), in.end(), out.begin(), out.end());
}

KnownEvents unpack_known_events(std::span<const std::byte> bytes) noexcept {
    KnownEvents events;
    const std::size_t count = std::min(bytes.size() / sizeof(std::uint32_t), max_known_events);
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t number = 0;
        std::memcpy(&number, bytes.data() + i * sizeof number, sizeof number);
        add(events, number);
    }
    return events;
}

} // namespace msgstatus
