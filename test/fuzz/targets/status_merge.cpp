// Merging is the join of a semilattice, compare() a total order that extends it, and what is implied follows from both.
#include "core/delays.hpp"
#include "core/status.hpp"

#include <algorithm>
#include <vector>

#include "support/fuzz.hpp"

using namespace msgstatus;

namespace {

// Of few times, so that statuses often agree; now and then one from the ends of the range.
EventTime time_from(std::uint8_t byte) {
    switch (byte & 7U) {
    case 0:
        return min_time + (byte >> 3U);
    case 1:
        return max_time - (byte >> 3U);
    default:
        return 780'000'000'000'000 + (byte >> 3U) * microseconds_per_second;
    }
}

Status status_from(fuzz::Input &input) {
    Status status;
    for (unsigned facts = input.byte() % 20U; facts > 0; --facts) {
        const auto state = static_cast<DeliveryState>(input.byte() % state_count);
        observe(status, state, time_from(input.byte()));
    }
    return status;
}

std::vector<std::byte> bytes_of(const Status &status) {
    std::vector<std::byte> bytes(packed_size(status));
    pack(status, bytes.data());
    return bytes;
}

bool same(const Status &a, const Status &b) {
    return bytes_of(a) == bytes_of(b);
}

int sign(int n) {
    return (n > 0) - (n < 0);
}

void check_alone(const Status &a) {
    FUZZ_CHECK(same(merge(a, a), a));
    FUZZ_CHECK(same(merge(a, Status{}), a) && same(merge(Status{}, a), a));
    FUZZ_CHECK(contained_in(a, a) && contained_in(Status{}, a));
    FUZZ_CHECK(compare(a, a) == 0);
    FUZZ_CHECK(unpack(bytes_of(a)).has_value());

    const Status reached = timeline(a);
    FUZZ_CHECK(contained_in(a, reached));
    FUZZ_CHECK(same(timeline(reached), reached));
    std::optional<EventTime> before;
    for (const auto state : {DeliveryState::sent, DeliveryState::delivered, DeliveryState::read}) {
        const auto time = reached_at(a, state);
        FUZZ_CHECK(observed_at(reached, state) == time);
        FUZZ_CHECK(!before || !time || *before <= *time);
        before = time ? time : before;
    }
    for (const auto delay : {delivery_delay(a), read_delay(a), failure_delay(a)})
        FUZZ_CHECK(!delay || (*delay >= 0 && *delay <= max_delay));
}

void check_pair(const Status &a, const Status &b) {
    const Status both = merge(a, b);
    FUZZ_CHECK(same(both, merge(b, a)));
    FUZZ_CHECK(contained_in(a, both) && contained_in(b, both));
    FUZZ_CHECK(contained_in(a, b) == same(both, b));
    FUZZ_CHECK(!contained_in(a, b) || compare(a, b) <= 0);
    FUZZ_CHECK(sign(compare(a, b)) == -sign(compare(b, a)));
    FUZZ_CHECK((compare(a, b) == 0) == same(a, b));
    FUZZ_CHECK(state(both) == std::max(state(a), state(b)));
    FUZZ_CHECK(same(timeline(both), timeline(merge(timeline(a), timeline(b)))));

    Status one_by_one = a;
    for (std::size_t i = 0; i < state_count; ++i)
        if (const auto time = observed_at(b, static_cast<DeliveryState>(i)))
            observe(one_by_one, static_cast<DeliveryState>(i), *time);
    FUZZ_CHECK(same(one_by_one, both));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::Input input(fuzz::text_of(data, size));
    const Status a = status_from(input);
    const Status b = status_from(input);
    const Status c = status_from(input);
    check_alone(a);
    check_pair(a, b);
    check_pair(b, c);
    FUZZ_CHECK(same(merge(merge(a, b), c), merge(a, merge(b, c))));
    FUZZ_CHECK(compare(a, b) > 0 || compare(b, c) > 0 || compare(a, c) <= 0);
    return 0;
}
