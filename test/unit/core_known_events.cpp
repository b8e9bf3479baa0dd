// The known events of a message: a set cut to its smallest members, whose union does not depend on the order.
#include "core/known_events.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace msgstatus;

KnownEvents set_of_numbers(const std::vector<std::uint32_t> &numbers) {
    KnownEvents events;
    for (const std::uint32_t number : numbers)
        add(events, number);
    return events;
}

std::vector<std::uint32_t> members(const KnownEvents &events) {
    return {events.all().begin(), events.all().end()};
}

// The model: all of them, sorted, the first sixteen.
std::vector<std::uint32_t> smallest(const std::set<std::uint32_t> &all) {
    std::vector<std::uint32_t> sorted(all.begin(), all.end());
    sorted.resize(std::min(sorted.size(), max_known_events));
    return sorted;
}

class KnownEventsOfRandomSize : public testing::Test {
protected:
    std::mt19937 random{1};

    // From a small range, so that sets overlap.
    std::vector<std::uint32_t> numbers() {
        std::vector<std::uint32_t> drawn(random() % 30);
        for (std::uint32_t &number : drawn)
            number = random() % 60 * 71'582'788U;
        return drawn;
    }
};

TEST_F(KnownEventsOfRandomSize, AreTheSmallestInAnyOrder) {
    for (int i = 0; i < 2'000; ++i) {
        std::vector<std::uint32_t> drawn = numbers();
        const auto expected = smallest({drawn.begin(), drawn.end()});
        EXPECT_EQ(members(set_of_numbers(drawn)), expected);
        std::shuffle(drawn.begin(), drawn.end(), random);
        EXPECT_EQ(members(set_of_numbers(drawn)), expected);
    }
}

TEST_F(KnownEventsOfRandomSize, UniteAsIfAddedOneByOne) {
    for (int i = 0; i < 2'000; ++i) {
        const auto a = numbers();
        const auto b = numbers();
        const auto c = numbers();
        std::set<std::uint32_t> all(a.begin(), a.end());
        all.insert(b.begin(), b.end());
        EXPECT_EQ(members(unite(set_of_numbers(a), set_of_numbers(b))), smallest(all));
        EXPECT_EQ(members(unite(set_of_numbers(b), set_of_numbers(a))), smallest(all));
        EXPECT_EQ(members(unite(unite(set_of_numbers(a), set_of_numbers(b)), set_of_numbers(c))),
                  members(unite(set_of_numbers(a), unite(set_of_numbers(b), set_of_numbers(c)))));
    }
}

TEST_F(KnownEventsOfRandomSize, HoldOnlyWhatWasAdded) {
    for (int i = 0; i < 2'000; ++i) {
        const auto known = numbers();
        const auto wanted = numbers();
        const std::set<std::uint32_t> all(known.begin(), known.end());
        const bool was_added = std::all_of(wanted.begin(), wanted.end(), [&](auto n) { return all.contains(n); });
        if (holds(set_of_numbers(known), set_of_numbers(wanted))) {
            EXPECT_TRUE(wanted.size() > max_known_events || was_added);
        } else if (all.size() <= max_known_events) {
            EXPECT_FALSE(was_added);
        }
    }
}

TEST(KnownEvents, AreReadFromAnyBytes) {
    const auto events = set_of_numbers({5, 1, 9});
    const auto bytes = std::as_bytes(events.all());
    EXPECT_EQ(members(unpack_known_events(bytes)), members(events));
    EXPECT_EQ(members(unpack_known_events(bytes.first(7))), (std::vector<std::uint32_t>{1}));
    EXPECT_TRUE(members(unpack_known_events({})).empty());
    const std::vector<std::uint32_t> too_many_unsorted(40, 3);
    EXPECT_EQ(members(unpack_known_events(std::as_bytes(std::span(too_many_unsorted)))),
              (std::vector<std::uint32_t>{3}));
}

} // namespace
