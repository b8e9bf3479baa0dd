// Token buckets, by a clock that the test sets.

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "access/rate_limit.hpp"

namespace msgstatus::receiver {
namespace {

using namespace std::chrono_literals;
using Limit = RateLimiter::Limit;

class RateLimit : public testing::Test {
protected:
    using Time = TokenBucket::time_point;

    // taken counts how many of so many requests at once pass.
    int taken(RateLimiter &limiter, int requests, const std::string &address = "192.0.2.1") const {
        int passed = 0;
        for (int i = 0; i < requests; ++i)
            passed += verdict(limiter, address).exceeded == Limit::none ? 1 : 0;
        return passed;
    }
    RateLimiter::Verdict verdict(RateLimiter &limiter, const std::string &address = "192.0.2.1") const {
        return limiter.admit(Address::parse(address).value(), now_);
    }

    Time now_ = Time(1h);
    static constexpr Rate none_{};
};

TEST_F(RateLimit, IsNoneByDefault) {
    RateLimiter limiter(none_, none_);
    EXPECT_EQ(taken(limiter, 100'000), 100'000);
}

TEST_F(RateLimit, LetsABurstPassAndThenTheRate) {
    RateLimiter limiter({.per_second = 10, .burst = 25}, none_);
    EXPECT_EQ(taken(limiter, 100), 25);
    now_ += 99ms;
    EXPECT_EQ(taken(limiter, 100), 0);
    now_ += 1ms;
    EXPECT_EQ(taken(limiter, 100), 1);
    now_ += 1s;
    EXPECT_EQ(taken(limiter, 100), 10);
    now_ += 1h;
    EXPECT_EQ(taken(limiter, 100), 25) << "no more than the burst is saved up";
}

TEST_F(RateLimit, HoldsInTheLongRun) {
    RateLimiter limiter({.per_second = 7, .burst = 3}, none_);
    int passed = 0;
    for (int i = 0; i < 60'000; ++i, now_ += 1ms)
        passed += taken(limiter, 1);
    EXPECT_NEAR(passed, 60 * 7 + 3, 1);
}

TEST_F(RateLimit, TellsWhenToComeAgain) {
    RateLimiter limiter({.per_second = 0.1, .burst = 1}, none_);
    EXPECT_EQ(verdict(limiter).retry_after, 0U);
    EXPECT_EQ(verdict(limiter).retry_after, 10U);
    now_ += 8500ms;
    EXPECT_EQ(verdict(limiter).retry_after, 2U) << "rounded up";
    now_ += 1499ms;
    EXPECT_EQ(verdict(limiter).retry_after, 1U);
    now_ += 1ms;
    EXPECT_EQ(verdict(limiter).exceeded, Limit::none) << "who waits as long as told passes";
}

TEST_F(RateLimit, CountsEachAddressByItself) {
    RateLimiter limiter({.per_second = 1, .burst = 2}, none_);
    EXPECT_EQ(taken(limiter, 5, "192.0.2.1"), 2);
    EXPECT_EQ(taken(limiter, 5, "192.0.2.2"), 2);
    EXPECT_EQ(taken(limiter, 5, "::ffff:192.0.2.2"), 0);
}

TEST_F(RateLimit, CountsIpv6ByItsFirstHalf) {
    RateLimiter limiter({.per_second = 1, .burst = 2}, none_);
    EXPECT_EQ(taken(limiter, 1, "2001:db8::1") + taken(limiter, 1, "2001:db8::2") + taken(limiter, 1, "2001:db8::3"),
              2);
    EXPECT_EQ(taken(limiter, 5, "2001:db8:0:1::1"), 2);
}

TEST_F(RateLimit, CountsAllTogether) {
    RateLimiter limiter(none_, {.per_second = 1, .burst = 3});
    EXPECT_EQ(taken(limiter, 2, "192.0.2.1") + taken(limiter, 2, "192.0.2.2"), 3);
    EXPECT_EQ(verdict(limiter, "192.0.2.3").exceeded, Limit::all);
}

TEST_F(RateLimit, WhoIsRefusedCostsTheOthersNothing) {
    RateLimiter limiter({.per_second = 1, .burst = 2}, {.per_second = 1, .burst = 10});
    EXPECT_EQ(taken(limiter, 1000, "192.0.2.1"), 2);
    EXPECT_EQ(verdict(limiter, "192.0.2.1").exceeded, Limit::address);
    EXPECT_EQ(taken(limiter, 2, "192.0.2.2"), 2);
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(taken(limiter, 1, "198.51.100." + std::to_string(i)), 1);
    EXPECT_EQ(verdict(limiter, "192.0.2.3").exceeded, Limit::all);
    now_ += 1s;
    EXPECT_EQ(taken(limiter, 1, "192.0.2.3"), 1) << "what all of them exceeded was not charged to the one";
}

TEST_F(RateLimit, KeepsTheBusyOnesWhenMoreAddressesComeThanItRemembers) {
    RateLimiter limiter({.per_second = 0.1, .burst = 20}, none_);
    EXPECT_EQ(taken(limiter, 100, "192.0.2.1"), 20);
    for (unsigned i = 0; i < 300'000; ++i) {
        const std::string other = "2001:db8:" + std::to_string(i / 10000) + ":" + std::to_string(i % 10000) + "::1";
        ASSERT_EQ(taken(limiter, 1, other), 1) << other;
    }
    EXPECT_EQ(taken(limiter, 100, "192.0.2.1"), 0) << "it is no way out to come from many addresses once";
}

} // namespace
} // namespace msgstatus::receiver
