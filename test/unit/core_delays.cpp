// The delays of a message, against their definitions.
#include "core/delays.hpp"

#include "core_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace {

using namespace msgstatus;
using namespace msgstatus::test;
using enum DeliveryState;

Status status_of(std::initializer_list<std::pair<DeliveryState, EventTime>> facts) {
    Status status;
    for (const auto &[state, time] : facts)
        observe(status, state, time);
    return status;
}

TEST(Delays, FromOneStateToTheNext) {
    const Status status = status_of({{sent, 10}, {delivered, 15}, {read, 40}});
    EXPECT_EQ(delivery_delay(status), 5);
    EXPECT_EQ(read_delay(status), 25);
    EXPECT_EQ(failure_delay(status), std::nullopt);
}

TEST(Delays, NoneFromAStateThatWasOnlyInferred) {
    EXPECT_EQ(delivery_delay(status_of({{delivered, 15}, {read, 40}})), std::nullopt);
    EXPECT_EQ(read_delay(status_of({{sent, 10}, {read, 40}})), std::nullopt);
    EXPECT_EQ(delivery_delay(status_of({{sent, 10}, {read, 40}})), 30) << "delivered is inferred, sent is not";
}

TEST(Delays, NoneToAStateThatWasNotReached) {
    EXPECT_EQ(delivery_delay(status_of({{sent, 10}})), std::nullopt);
    EXPECT_EQ(read_delay(status_of({{sent, 10}, {delivered, 15}})), std::nullopt);
    EXPECT_EQ(delivery_delay(Status{}), std::nullopt);
    EXPECT_EQ(read_delay(Status{}), std::nullopt);
    EXPECT_EQ(failure_delay(Status{}), std::nullopt);
}

TEST(Delays, OfAFailure) {
    EXPECT_EQ(failure_delay(status_of({{queued, 10}, {sent, 12}, {failed, 20}})), 10);
    EXPECT_EQ(failure_delay(status_of({{sent, 12}, {failed, 20}, {undelivered, 15}})), 3) << "the earlier of both";
    EXPECT_EQ(failure_delay(status_of({{sent, 30}, {failed, 20}})), 0) << "never negative";
    EXPECT_EQ(failure_delay(status_of({{failed, 20}, {undelivered, 15}})), std::nullopt) << "nothing but failures";
    EXPECT_EQ(failure_delay(status_of({{sent, 12}, {failed, 20}, {delivered, 25}})), std::nullopt)
        << "it arrived after all";
}

TEST(Delays, AgreeWithTheModel) {
    WITH_RANDOM(random);
    for (int i = 0; i < 20'000; ++i) {
        const Status status = random.status();
        const Model model = model_of(status);
        std::optional<EventTime> failed_at;
        std::optional<EventTime> began_at;
        for (const auto &[state, time] : model) {
            auto &earliest = state == failed || state == undelivered ? failed_at : began_at;
            earliest = std::min(earliest.value_or(time), time);
        }
        std::optional<Delay> of_failure;
        if (!model.empty() && is_failure(model.rbegin()->first) && began_at)
            of_failure = std::max<Delay>(*failed_at - *began_at, 0);
        ASSERT_EQ(failure_delay(status), of_failure) << to_text(status);

        for (const auto &[from, to, found] :
             {std::tuple{sent, delivered, delivery_delay(status)}, std::tuple{delivered, read, read_delay(status)}}) {
            std::optional<Delay> expected;
            if (model.contains(from) && reached_at(status, to))
                expected = *reached_at(status, to) - *reached_at(status, from);
            ASSERT_EQ(found, expected) << to_text(status);
            ASSERT_GE(found.value_or(0), 0);
            ASSERT_LE(found.value_or(0), max_delay);
        }
    }
}

} // namespace
