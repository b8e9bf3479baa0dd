// Sets of known events: a union that order and repetition do not change, and bytes of any kind are read as some set.
#include "core/known_events.hpp"

#include <algorithm>
#include <set>

#include "support/fuzz.hpp"

using namespace msgstatus;

namespace {

bool same(const KnownEvents &a, const KnownEvents &b) {
    return std::ranges::equal(a.all(), b.all());
}

// The smallest of the numbers, by other means.
bool is_cut_of(const KnownEvents &events, const std::set<std::uint32_t> &numbers) {
    const std::size_t count = std::min(numbers.size(), max_known_events);
    return events.count == count && std::equal(events.all().begin(), events.all().end(), numbers.begin());
}

std::set<std::uint32_t> numbers_of(const KnownEvents &events) {
    return {events.all().begin(), events.all().end()};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const std::size_t first = size / 3;
    const std::size_t second = size - size / 3;
    const KnownEvents a = unpack_known_events(bytes.first(first));
    const KnownEvents b = unpack_known_events(bytes.subspan(first, second - first));
    const KnownEvents c = unpack_known_events(bytes.subspan(second));
    for (const KnownEvents &events : {a, b, c}) {
        FUZZ_CHECK(is_cut_of(events, numbers_of(events)));
        FUZZ_CHECK(same(unpack_known_events(std::as_bytes(events.all())), events));
        FUZZ_CHECK(same(unite(events, events), events) && holds(events, events) && holds(events, {}));
    }
    FUZZ_CHECK(same(unite(a, b), unite(b, a)));
    FUZZ_CHECK(same(unite(unite(a, b), c), unite(a, unite(b, c))));
    std::set<std::uint32_t> both = numbers_of(a);
    both.insert(b.all().begin(), b.all().end());
    FUZZ_CHECK(is_cut_of(unite(a, b), both));
    FUZZ_CHECK(both.size() > max_known_events || (holds(unite(a, b), a) && holds(unite(a, b), b)));
    FUZZ_CHECK(holds(a, b) == std::ranges::includes(numbers_of(a), numbers_of(b)));
    return 0;
}
