// The status: a join-semilattice, its order, its accessors, and its stored form.
#include "core/status.hpp"

#include "core_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <vector>

namespace {

using namespace msgstatus;
using namespace msgstatus::test;
using enum DeliveryState;

constexpr int cases = 20'000;

// The model: the definitions of the contract, written down without a thought of speed.

Model merged(const Model &a, const Model &b) {
    Model result = a;
    for (const auto &[state, time] : b) {
        const auto [known, is_new] = result.emplace(state, time);
        if (!is_new)
            known->second = std::min(known->second, time);
    }
    return result;
}

std::optional<EventTime> reached(const Model &model, DeliveryState state) {
    const auto implies = [](DeliveryState observed, DeliveryState wanted) {
        if (observed == wanted)
            return true;
        const std::set<std::pair<DeliveryState, DeliveryState>> implied{
            {undelivered, sent}, {partially_delivered, sent}, {delivered, sent}, {read, delivered}, {read, sent},
            {played, read},      {played, delivered},         {played, sent},
        };
        return implied.contains({observed, wanted});
    };
    std::optional<EventTime> earliest;
    for (const auto &[observed, time] : model)
        if (implies(observed, state))
            earliest = std::min(earliest.value_or(time), time);
    return earliest;
}

int sign(int value) {
    return (value > 0) - (value < 0);
}

std::vector<std::byte> packed(const Status &status) {
    std::vector<std::byte> bytes(packed_size(status));
    pack(status, bytes.data());
    return bytes;
}

TEST(Status, Empty) {
    const Status empty{};
    EXPECT_EQ(state(empty), std::nullopt);
    for (std::size_t i = 0; i < state_count; ++i) {
        EXPECT_EQ(observed_at(empty, static_cast<DeliveryState>(i)), std::nullopt);
        EXPECT_EQ(reached_at(empty, static_cast<DeliveryState>(i)), std::nullopt);
    }
    EXPECT_EQ(timeline(empty).present, 0);
    EXPECT_EQ(packed_size(empty), 3U);
    EXPECT_TRUE(contained_in(empty, empty));
    EXPECT_EQ(compare(empty, empty), 0);
}

TEST(Status, ReadWithoutDeliveredCountsAsDelivered) {
    Status status = observation(read, 10);
    EXPECT_EQ(observed_at(status, delivered), std::nullopt);
    EXPECT_EQ(reached_at(status, delivered), 10);
    EXPECT_EQ(reached_at(status, sent), 10);
    EXPECT_EQ(reached_at(status, played), std::nullopt);
    observe(status, delivered, 12); // late, and later than the read: the read still proves delivery at 10
    EXPECT_EQ(observed_at(status, delivered), 12);
    EXPECT_EQ(reached_at(status, delivered), 10);
    observe(status, delivered, 8);
    EXPECT_EQ(reached_at(status, delivered), 8);
    EXPECT_EQ(reached_at(status, read), 10);
}

TEST(Status, AFailureDoesNotImplyDelivery) {
    EXPECT_EQ(reached_at(observation(undelivered, 5), sent), 5);
    EXPECT_EQ(reached_at(observation(undelivered, 5), delivered), std::nullopt);
    EXPECT_EQ(reached_at(observation(partially_delivered, 5), sent), 5);
    EXPECT_EQ(reached_at(observation(partially_delivered, 5), delivered), std::nullopt);
    EXPECT_EQ(reached_at(observation(failed, 5), sent), std::nullopt);
    EXPECT_EQ(reached_at(observation(failed, 5), queued), std::nullopt);
}

TEST(Status, ObserveKeepsTheEarlierTime) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        Status status;
        Model model;
        for (std::int64_t facts = random.between(0, 30); facts > 0; --facts) {
            const DeliveryState state = random.state();
            const EventTime time = random.time();
            observe(status, state, time);
            model = merged(model, {{state, time}});
            ASSERT_EQ(model_of(status), model);
        }
        for (std::size_t s = 0; s < state_count; ++s) {
            const auto known = model.find(static_cast<DeliveryState>(s));
            ASSERT_EQ(observed_at(status, static_cast<DeliveryState>(s)),
                      known == model.end() ? std::nullopt : std::optional(known->second));
        }
        ASSERT_EQ(state(status), model.empty() ? std::nullopt : std::optional(model.rbegin()->first));
    }
}

TEST(Status, MergeIsThatOfTheModel) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        const Status b = random.related_to(a);
        ASSERT_EQ(model_of(merge(a, b)), merged(model_of(a), model_of(b))) << to_text(a) << " || " << to_text(b);
    }
}

TEST(Status, MergeIsCommutativeAssociativeAndIdempotent) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        const Status b = random.related_to(a);
        const Status c = random.related_to(b);
        ASSERT_EQ(packed(merge(a, b)), packed(merge(b, a))) << to_text(a) << " || " << to_text(b);
        ASSERT_EQ(packed(merge(merge(a, b), c)), packed(merge(a, merge(b, c))));
        ASSERT_EQ(packed(merge(a, a)), packed(a)) << to_text(a);
        ASSERT_EQ(packed(merge(a, Status{})), packed(a));
        ASSERT_EQ(packed(merge(merge(a, b), b)), packed(merge(a, b)));
    }
}

TEST(Status, AnyOrderAndRepetitionOfFactsGivesTheSameBytes) {
    WITH_RANDOM(random);
    for (int i = 0; i < 2'000; ++i) {
        std::vector<std::pair<DeliveryState, EventTime>> facts;
        for (std::int64_t count = random.between(1, 12); count > 0; --count)
            facts.emplace_back(random.state(), random.time());
        std::optional<std::vector<std::byte>> expected;
        for (int order = 0; order < 5; ++order) {
            std::shuffle(facts.begin(), facts.end(), random.engine());
            facts.push_back(facts[static_cast<std::size_t>(random.between(0, std::ssize(facts) - 1))]);
            Status status;
            for (const auto &[state, time] : facts)
                status = random.between(0, 1) == 0 ? merge(status, observation(state, time))
                                                   : merge(observation(state, time), status);
            if (!expected)
                expected = packed(status);
            ASSERT_EQ(packed(status), *expected) << to_text(status);
        }
    }
}

TEST(Status, ContainmentAgreesWithMerge) {
    WITH_RANDOM(random);
    int contained = 0;
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        const Status b = random.related_to(a);
        const bool expected = merged(model_of(a), model_of(b)) == model_of(b);
        contained += expected ? 1 : 0;
        ASSERT_EQ(contained_in(a, b), expected) << to_text(a) << " <@ " << to_text(b);
        ASSERT_TRUE(contained_in(a, merge(a, b)));
        ASSERT_TRUE(contained_in(b, merge(a, b)));
        ASSERT_TRUE(contained_in(Status{}, a));
        if (contained_in(a, b) && contained_in(b, a)) {
            ASSERT_EQ(packed(a), packed(b));
        }
    }
    EXPECT_GT(contained, cases / 10);
    EXPECT_LT(contained, cases * 9 / 10);
}

TEST(Status, CompareIsATotalOrder) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        const Status b = random.related_to(a);
        const Status c = random.related_to(b);
        ASSERT_EQ(compare(a, a), 0);
        ASSERT_EQ(sign(compare(a, b)), -sign(compare(b, a))) << to_text(a) << " against " << to_text(b);
        ASSERT_EQ(compare(a, b) == 0, model_of(a) == model_of(b));
        if (compare(a, b) <= 0 && compare(b, c) <= 0) {
            ASSERT_LE(compare(a, c), 0) << to_text(a) << ", " << to_text(b) << ", " << to_text(c);
        }
    }
}

TEST(Status, CompareSortsByStateFirstAndExtendsContainment) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        const Status b = random.related_to(a);
        if (state(a) < state(b)) { // an empty optional is less than any value
            ASSERT_LT(compare(a, b), 0) << to_text(a) << " against " << to_text(b);
        }
        if (contained_in(a, b)) {
            ASSERT_LE(compare(a, b), 0) << to_text(a) << " against " << to_text(b);
        }
        ASSERT_LE(compare(a, merge(a, b)), 0);
    }
}

TEST(Status, ReachedAtIsThatOfTheModel) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status status = random.status();
        const Model model = model_of(status);
        Model expected_timeline;
        for (std::size_t s = 0; s < state_count; ++s) {
            const auto state = static_cast<DeliveryState>(s);
            const auto expected = reached(model, state);
            ASSERT_EQ(reached_at(status, state), expected) << state_name(state) << " of " << to_text(status);
            if (expected)
                expected_timeline.emplace(state, *expected);
        }
        ASSERT_EQ(model_of(timeline(status)), expected_timeline) << to_text(status);
    }
}

TEST(Status, ReachedAtIsMonotone) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        const Status b = merge(a, random.related_to(a));
        for (const auto &[earlier, later] : {std::pair{sent, delivered},
                                             {delivered, read},
                                             {read, played},
                                             {sent, undelivered},
                                             {sent, partially_delivered}})
            if (const auto time = reached_at(a, later)) {
                ASSERT_TRUE(reached_at(a, earlier)) << state_name(earlier) << " of " << to_text(a);
                ASSERT_LE(reached_at(a, earlier), time) << state_name(earlier) << " of " << to_text(a);
            }
        for (std::size_t s = 0; s < state_count; ++s) // knowing more never takes a state away, nor makes it later
            if (const auto time = reached_at(a, static_cast<DeliveryState>(s))) {
                ASSERT_TRUE(reached_at(b, static_cast<DeliveryState>(s)));
                ASSERT_LE(reached_at(b, static_cast<DeliveryState>(s)), time);
            }
    }
}

TEST(Status, TheTimelineIsIdempotentAndKeepsStateAndFacts) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status status = random.status();
        const Status reached = timeline(status);
        ASSERT_EQ(packed(timeline(reached)), packed(reached)) << to_text(status);
        ASSERT_EQ(state(reached), state(status));
        ASSERT_TRUE(contained_in(status, reached));
        const Status other = random.related_to(status);
        ASSERT_EQ(packed(timeline(merge(status, other))), packed(merge(reached, timeline(other)))) << to_text(status);
    }
}

TEST(Status, PackedSize) {
    Status status;
    for (std::size_t i = 0; i < state_count; ++i) {
        EXPECT_EQ(packed_size(status), 3 + 8 * i);
        observe(status, static_cast<DeliveryState>(i), 0);
    }
    EXPECT_EQ(packed_size(status), max_packed_size);
    EXPECT_EQ(max_packed_size, 131U);
}

TEST(Status, ThePackedFormIsFixed) { // what older tables hold
    Status status = observation(sent, 0x0102030405060708);
    observe(status, played, 0x0102030405060708);
    status.time[index_of(sent)] = 0x0002B3A4E5F60718;
    status.time[index_of(played)] = -2;
    const std::vector<std::byte> bytes = packed(status);
    std::vector<std::byte> expected{std::byte{1}};
    const auto append = [&](auto number) {
        const auto *p = reinterpret_cast<const std::byte *>(&number);
        expected.insert(expected.end(), p, p + sizeof number);
    };
    append(std::uint16_t{0x8080});
    append(std::int64_t{0x0002B3A4E5F60718});
    append(std::int64_t{-2});
    EXPECT_EQ(bytes, expected);
}

TEST(Status, PackAndUnpackOfRandomValues) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        const Status b = random.related_to(a);
        const auto unpacked = unpack(packed(a));
        ASSERT_TRUE(unpacked) << to_text(a);
        ASSERT_EQ(model_of(*unpacked), model_of(a));
        ASSERT_EQ(packed(a) == packed(b), model_of(a) == model_of(b))
            << "equal values, and only those, have equal bytes";
    }
}

TEST(Status, AbsentSlotsDoNotMatter) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const Status a = random.status();
        Status noisy = a;
        for (std::size_t s = 0; s < state_count; ++s)
            if ((a.present >> s & 1U) == 0)
                noisy.time[s] =
                    random.between(std::numeric_limits<EventTime>::min(), std::numeric_limits<EventTime>::max());
        const Status b = random.related_to(a);
        ASSERT_EQ(packed(noisy), packed(a));
        ASSERT_EQ(compare(noisy, a), 0);
        ASSERT_EQ(sign(compare(noisy, b)), sign(compare(a, b)));
        ASSERT_EQ(contained_in(noisy, b), contained_in(a, b));
        ASSERT_EQ(contained_in(b, noisy), contained_in(b, a));
        ASSERT_EQ(packed(merge(noisy, b)), packed(merge(a, b)));
        ASSERT_EQ(packed(merge(b, noisy)), packed(merge(b, a)));
        ASSERT_EQ(packed(timeline(noisy)), packed(timeline(a)));
    }
}

TEST(Status, UnpackRefusesEveryOtherLength) {
    WITH_RANDOM(random);
    for (int i = 0; i < 500; ++i) {
        const std::vector<std::byte> bytes = packed(random.status());
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const std::vector<std::byte> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            ASSERT_FALSE(unpack(exact)) << size << " of " << bytes.size();
        }
        std::vector<std::byte> longer = bytes;
        for (int extra = 0; extra < 17; ++extra) {
            longer.push_back(std::byte{0});
            ASSERT_FALSE(unpack(longer)) << longer.size() << " of " << bytes.size();
        }
    }
    EXPECT_FALSE(unpack({}));
    EXPECT_FALSE(unpack(std::vector<std::byte>(1'000'000, std::byte{1})));
}

TEST(Status, UnpackRefusesEveryOtherVersion) {
    for (const Status &status : {Status{}, observation(read, 1)}) {
        std::vector<std::byte> bytes = packed(status);
        for (unsigned version = 0; version < 256; ++version) {
            bytes[0] = static_cast<std::byte>(version);
            EXPECT_EQ(unpack(bytes).has_value(), version == status_version) << version;
        }
    }
}

TEST(Status, UnpackRefusesEverySetThatDoesNotFitTheLength) {
    std::vector<std::byte> bytes(status_header_size + 3 * sizeof(EventTime));
    bytes[0] = std::byte{status_version};
    for (unsigned set = 0; set <= 0xFFFF; ++set) {
        const auto present = static_cast<StateSet>(set);
        std::memcpy(bytes.data() + 1, &present, sizeof present);
        const auto unpacked = unpack(bytes);
        ASSERT_EQ(unpacked.has_value(), std::popcount(set) == 3) << set;
        if (unpacked) {
            ASSERT_EQ(unpacked->present, present);
        }
    }
}

TEST(Status, UnpackRefusesTimesOutOfRange) {
    constexpr auto infinity = std::numeric_limits<EventTime>::max();
    constexpr auto minus_infinity = std::numeric_limits<EventTime>::min();
    for (std::size_t position = 0; position < 3; ++position)
        for (const auto &[time, valid] : {std::pair<EventTime, bool>{min_time, true},
                                          {max_time, true},
                                          {0, true},
                                          {min_time - 1, false},
                                          {max_time + 1, false},
                                          {infinity, false},
                                          {minus_infinity, false},
                                          {infinity - 1, false},
                                          {minus_infinity + 1, false}}) {
            Status status = observation(sent, 1);
            observe(status, delivered, 2);
            observe(status, read, 3);
            std::vector<std::byte> bytes = packed(status);
            std::memcpy(bytes.data() + status_header_size + position * sizeof time, &time, sizeof time);
            EXPECT_EQ(unpack(bytes).has_value(), valid) << time << " as number " << position;
        }
}

TEST(Status, WhatUnpackAcceptsOfRandomBytesIsCanonical) {
    WITH_RANDOM(random);
    int accepted = 0;
    for (int i = 0; i < cases; ++i) {
        std::vector<std::byte> bytes = packed(random.status());
        for (std::int64_t flips = random.between(1, 3); flips > 0; --flips)
            bytes[static_cast<std::size_t>(random.between(0, std::ssize(bytes) - 1))] ^=
                static_cast<std::byte>(1U << random.between(0, 7));
        if (const auto unpacked = unpack(bytes)) {
            ++accepted;
            ASSERT_EQ(packed(*unpacked), bytes);
            for (const auto &[state, time] : model_of(*unpacked))
                ASSERT_TRUE(is_valid_time(time));
        }
    }
    EXPECT_GT(accepted, 1'000);
    EXPECT_LT(accepted, cases - 1'000);
}

} // namespace
