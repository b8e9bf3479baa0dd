// The histogram of delays: buckets, the laws of a group, percentiles, the stored form and the text form.
#include "core/delay_histogram.hpp"
#include "core/delay_histogram_text.hpp"

#include "core_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace msgstatus;
using namespace msgstatus::test;

constexpr int cases = 3'000;

std::vector<std::byte> packed(const DelayHistogram &histogram) {
    std::vector<std::byte> bytes(max_packed_histogram_size);
    bytes.resize(pack(histogram, bytes.data()));
    return bytes;
}

std::string text_of(const DelayHistogram &histogram) {
    std::string text(max_histogram_text_size, ' ');
    text.resize(format_histogram(histogram, text.data()));
    return text;
}

std::optional<DelayHistogram> parsed(std::string_view text) {
    std::optional<DelayHistogram> histogram(std::in_place);
    if (parse_histogram(text, *histogram).error != HistogramTextError::none)
        histogram.reset();
    return histogram;
}

DelayHistogram plus(DelayHistogram a, const DelayHistogram &b) {
    EXPECT_TRUE(a.merge(b));
    return a;
}

DelayHistogram minus(DelayHistogram a, const DelayHistogram &b) {
    EXPECT_TRUE(a.merge(b, -1));
    return a;
}

// A delay of any length, all magnitudes as often; sometimes a bound or its neighbour.
Delay random_delay(Random &random) {
    switch (random.between(0, 3)) {
    case 0: {
        const auto bound = lower_bound_of(static_cast<std::size_t>(random.between(0, bucket_count - 1)));
        return std::clamp(bound + random.between(-1, 1), Delay{0}, max_delay);
    }
    case 1:
        return random.between(0, 3'000);
    default:
        return std::min(random.between(0, (Delay{1} << random.between(1, 58)) - 1), max_delay);
    }
}

// A histogram's contents, in the plainest form.
struct HistogramModel {
    std::map<std::size_t, std::int64_t> counts;
    DelaySum sum = 0;

    void add(Delay delay, std::int64_t times) {
        std::size_t bucket = 0;
        while (lower_bound_of(bucket + 1) <= delay)
            ++bucket;
        if ((counts[bucket] += times) == 0)
            counts.erase(bucket);
        sum += static_cast<DelaySum>(delay) * times;
    }
};

void expect_same(const DelayHistogram &histogram, const HistogramModel &model) {
    std::map<std::size_t, std::int64_t> counts;
    std::int64_t count = 0;
    for (const auto &bucket : histogram.buckets()) {
        counts.emplace(bucket.index, bucket.count);
        count += bucket.count;
    }
    ASSERT_EQ(counts, model.counts);
    ASSERT_TRUE(std::is_sorted(histogram.buckets().begin(), histogram.buckets().end(),
                               [](const auto &a, const auto &b) { return a.index < b.index; }));
    ASSERT_TRUE(histogram.sum() == model.sum);
    ASSERT_EQ(histogram.count(), count);
}

DelayHistogram random_histogram(Random &random, bool signed_counts = true) {
    DelayHistogram histogram;
    for (std::int64_t adds = random.between(0, random.between(0, 60)); adds > 0; --adds)
        histogram.add(random_delay(random), random.between(signed_counts ? -3 : 1, 5));
    return histogram;
}

TEST(DelayHistogram, BucketsFollowEachOtherFromZeroToTheLongestDelay) {
    EXPECT_EQ(lower_bound_of(0), 0);
    EXPECT_EQ(lower_bound_of(1), 1'000);
    EXPECT_EQ(lower_bound_of(2), 1'100);
    EXPECT_EQ(lower_bound_of(11), 2'000);
    for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
        const Delay low = lower_bound_of(bucket);
        const Delay high = lower_bound_of(bucket + 1);
        ASSERT_LT(low, high);
        ASSERT_EQ(bucket_of(low), bucket);
        ASSERT_EQ(bucket_of(high - 1), bucket);
        if (bucket > 0) {
            ASSERT_LE(static_cast<long double>(high) / static_cast<long double>(low), 1.1L);
        }
    }
    EXPECT_EQ(bucket_of(max_delay), bucket_count - 1);
}

TEST(DelayHistogram, TheRepresentativeIsWithinFivePercentOfEveryDelayOfItsBucket) {
    EXPECT_EQ(representative_of(0), 0);
    for (std::size_t bucket = 1; bucket < bucket_count; ++bucket) {
        const auto value = static_cast<long double>(representative_of(bucket));
        for (const Delay delay : {lower_bound_of(bucket), lower_bound_of(bucket + 1) - 1})
            ASSERT_LE(std::abs(value - static_cast<long double>(delay)), 0.05L * static_cast<long double>(delay));
    }
}

TEST(DelayHistogram, AddingAndTakingAwayIsThatOfTheModel) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        DelayHistogram histogram;
        HistogramModel model;
        std::vector<Delay> added;
        for (std::int64_t steps = random.between(0, 40); steps > 0; --steps) {
            const bool again = !added.empty() && random.between(0, 1) == 0;
            const Delay delay = again ? added[static_cast<std::size_t>(random.between(0, std::ssize(added) - 1))]
                                      : random_delay(random);
            const std::int64_t times = random.between(-2, 2);
            ASSERT_TRUE(histogram.add(delay, times));
            added.push_back(delay);
            model.add(delay, times);
        }
        expect_same(histogram, model);
    }
}

TEST(DelayHistogram, IsAnAbelianGroup) {
    WITH_RANDOM(random);
    const DelayHistogram empty{};
    for (int i = 0; i < cases; ++i) {
        const DelayHistogram a = random_histogram(random);
        const DelayHistogram b = random.between(0, 3) == 0 ? minus(empty, a) : random_histogram(random);
        const DelayHistogram c = random_histogram(random);
        ASSERT_EQ(packed(plus(a, b)), packed(plus(b, a)));
        ASSERT_EQ(packed(plus(plus(a, b), c)), packed(plus(a, plus(b, c))));
        ASSERT_EQ(packed(plus(a, empty)), packed(a));
        ASSERT_EQ(packed(minus(a, a)), packed(empty));
        ASSERT_EQ(packed(plus(a, minus(empty, a))), packed(empty));
        ASSERT_EQ(packed(minus(a, b)), packed(plus(a, minus(empty, b))));
        ASSERT_EQ(packed(minus(plus(a, b), b)), packed(a));
    }
}

TEST(DelayHistogram, TheSumOfPartsIsThatOfTheWhole) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases / 10; ++i) {
        DelayHistogram whole;
        std::vector<DelayHistogram> parts(5);
        for (int adds = 0; adds < 200; ++adds) {
            const Delay delay = random_delay(random);
            whole.add(delay);
            parts[static_cast<std::size_t>(random.between(0, 4))].add(delay);
        }
        DelayHistogram merged;
        for (const DelayHistogram &part : parts)
            ASSERT_TRUE(merged.merge(part));
        ASSERT_EQ(packed(merged), packed(whole));
    }
}

TEST(DelayHistogram, PercentilesAreWithinFivePercentOfTheExactOnes) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases / 10; ++i) {
        DelayHistogram histogram;
        std::vector<Delay> delays;
        for (std::int64_t count = random.between(1, 400); count > 0; --count) {
            delays.push_back(random_delay(random));
            histogram.add(delays.back());
        }
        std::sort(delays.begin(), delays.end());
        const auto count = static_cast<double>(delays.size());
        for (const double fraction : {0.0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
            const auto rank = std::max<std::size_t>(static_cast<std::size_t>(std::ceil(fraction * count)), 1);
            const auto exact = static_cast<long double>(delays[rank - 1]);
            const auto found = histogram.percentile(fraction);
            ASSERT_TRUE(found);
            ASSERT_LE(std::abs(static_cast<long double>(*found) - exact),
                      std::max(0.05L * exact, exact < 1000 ? 1000.0L : 0.0L))
                << fraction << " of " << delays.size();
        }
    }
}

// In seconds, as it is printed.
std::string shown(const DelayHistogram &histogram, double fraction) {
    const auto delay = histogram.shown_percentile(fraction);
    if (!delay)
        return "nothing";
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "%.*f", delay->places, static_cast<double>(delay->value) / 1e6);
    return text.data();
}

TEST(DelayHistogram, PercentilesAreShownWithTwoDigits) {
    const auto of_one = [](Delay delay) {
        DelayHistogram histogram;
        histogram.add(delay);
        return shown(histogram, 0.95);
    };
    EXPECT_EQ(of_one(0), "0.000");
    EXPECT_EQ(of_one(400), "0.000");
    EXPECT_EQ(of_one(600), "0.001") << "as the average is";
    EXPECT_EQ(of_one(6'000), "0.006");
    EXPECT_EQ(of_one(60'000), "0.060");
    EXPECT_EQ(of_one(4'000'000), "4.0");
    EXPECT_EQ(of_one(4'040'000), "4.1") << "4.0 would be below the average";
    EXPECT_EQ(of_one(4'090'000), "4.1");
    EXPECT_EQ(of_one(10'000'000), "10");
    EXPECT_EQ(of_one(100'000'000), "100");
    EXPECT_EQ(of_one(86'400'000'000), "87000");
    EXPECT_EQ(shown({}, 0.95), "nothing");
    DelayHistogram half;
    half.add(4'000'000, 50);
    half.add(60'000'000, 50);
    EXPECT_EQ(shown(half, 0.5), "4.0");
    EXPECT_EQ(shown(half, 0.51), "61");
}

TEST(DelayHistogram, APercentileShownBelowTheAverageIsBelowIt) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        DelayHistogram histogram;
        std::vector<Delay> delays;
        // Near each other, so that the average is often in the bucket of a percentile or beside it.
        const Delay around = std::max(random_delay(random), Delay{100});
        for (std::int64_t count = random.between(1, 30); count > 0; --count) {
            delays.push_back(std::min(around + random.between(0, around / random.between(1, 50)), max_delay));
            histogram.add(delays.back());
        }
        std::sort(delays.begin(), delays.end());
        const auto average = static_cast<Delay>(*histogram.average());
        const Delay in_milliseconds = (average + 500) / 1000 * 1000;
        Delay before = 0;
        for (const double fraction : {0.0, 0.25, 0.5, 0.9, 0.95, 1.0}) {
            const auto rank = std::max<std::size_t>(
                static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(delays.size()))), 1);
            const Delay exact = delays[rank - 1];
            const auto found = histogram.shown_percentile(fraction);
            ASSERT_TRUE(found);
            Delay unit = 1'000'000;
            for (int place = 0; place < found->places; ++place)
                unit /= 10;
            while (found->places == 0 && found->value / unit >= 100)
                unit *= 10;
            ASSERT_EQ(found->value % unit, 0) << "two digits";
            ASSERT_TRUE(found->value < 100 * unit);
            ASSERT_GE(found->value, before) << "it grows with the fraction";
            before = found->value;
            if (found->value < in_milliseconds) {
                ASSERT_LE(exact, average) << fraction << " of " << delays.size();
            }
            if (bucket_of(exact) < bucket_of(average)) {
                ASSERT_LE(found->value, in_milliseconds) << fraction << " of " << delays.size();
            }
            // A bucket, and the last digit.
            const auto value = static_cast<long double>(found->value);
            ASSERT_LE(value, 1.1L * static_cast<long double>(exact) + static_cast<long double>(unit));
            ASSERT_GE(value, static_cast<long double>(exact) / 1.1L - static_cast<long double>(unit));
        }
    }
}

TEST(DelayHistogram, AverageIsExact) {
    DelayHistogram histogram;
    EXPECT_FALSE(histogram.average());
    histogram.add(1);
    histogram.add(2);
    EXPECT_TRUE(histogram.average() == 2); // 1.5
    histogram.add(1);
    EXPECT_TRUE(histogram.average() == 1); // 1.33
    histogram.add(max_delay, 1'000'000);
    histogram.add(1, -2);
    histogram.add(2, -1);
    EXPECT_TRUE(histogram.average() == max_delay);
}

TEST(DelayHistogram, NothingIsToldOfNoOrNegativeDelays) {
    DelayHistogram histogram;
    EXPECT_TRUE(histogram.empty());
    EXPECT_FALSE(histogram.percentile(0.5));
    histogram.add(5'000, -1);
    EXPECT_FALSE(histogram.empty());
    EXPECT_EQ(histogram.count(), -1);
    EXPECT_FALSE(histogram.percentile(0.5));
    histogram.add(5'001);
    EXPECT_EQ(histogram.count(), 0);
    EXPECT_FALSE(histogram.percentile(0.5));
    EXPECT_FALSE(histogram.empty()) << "a microsecond is left of it";
    EXPECT_TRUE(histogram.sum() == 1);
}

TEST(DelayHistogram, WhatExceedsALimitIsRefusedAndChangesNothing) {
    DelayHistogram histogram;
    EXPECT_TRUE(histogram.add(max_delay, max_bucket_count));
    const auto before = packed(histogram);
    EXPECT_FALSE(histogram.add(max_delay));
    EXPECT_FALSE(histogram.add(max_delay, max_bucket_count));
    EXPECT_FALSE(histogram.add(1, INT64_MAX));
    EXPECT_FALSE(histogram.add(1, INT64_MIN));
    DelayHistogram one;
    one.add(max_delay);
    EXPECT_FALSE(histogram.merge(one));
    EXPECT_FALSE(histogram.append(0, 1)) << "not above the others";
    EXPECT_FALSE(histogram.append(bucket_count, 1));
    EXPECT_FALSE(histogram.set_sum(max_delay_sum + 1));
    EXPECT_FALSE(histogram.set_sum(-max_delay_sum - 1));
    EXPECT_EQ(packed(histogram), before);
    EXPECT_TRUE(histogram.merge(one, -1));
    EXPECT_TRUE(histogram.merge(one));
    EXPECT_EQ(packed(histogram), before);
}

TEST(DelayHistogram, EveryBucketFullStillFits) {
    DelayHistogram fullest;
    for (std::size_t bucket = 0; bucket < bucket_count; ++bucket)
        ASSERT_TRUE(fullest.add(std::min(lower_bound_of(bucket + 1) - 1, max_delay), -max_bucket_count));
    EXPECT_EQ(fullest.buckets().size(), bucket_count);
    EXPECT_EQ(fullest.count(), -max_bucket_count * std::int64_t{bucket_count});
    ASSERT_TRUE(fullest.set_sum(-max_delay_sum));
    const auto bytes = packed(fullest);
    EXPECT_LE(bytes.size(), max_packed_histogram_size);
    DelayHistogram back;
    ASSERT_TRUE(unpack(bytes, back));
    EXPECT_EQ(packed(back), bytes);
    const auto text = text_of(fullest);
    EXPECT_LE(text.size(), max_histogram_text_size);
    const auto read = parsed(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(packed(*read), bytes);
}

TEST(DelayHistogram, PackAndUnpackOfRandomValues) {
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const DelayHistogram histogram = random_histogram(random);
        const auto bytes = packed(histogram);
        DelayHistogram back;
        ASSERT_TRUE(unpack(bytes, back));
        ASSERT_EQ(packed(back), bytes);
        ASSERT_EQ(back.count(), histogram.count());
        ASSERT_TRUE(back.sum() == histogram.sum());
    }
}

TEST(DelayHistogram, ThePackedFormIsFixed) { // what older tables hold
    DelayHistogram histogram;
    EXPECT_EQ(packed(histogram), (std::vector{std::byte{1}, std::byte{0}}));
    histogram.add(0, 3);
    histogram.add(1'000, -1);
    histogram.add(20'000'000, 64);
    // 1'279'999'000 doubled, seven bits at a time; bucket 0 three times, the next one minus once; 64 in the 144th after
    // it
    std::vector<std::byte> expected{std::byte{1}};
    for (const int byte : {0xB0, 0xF0, 0xD9, 0xC4, 0x09, 0, 6, 0, 1, 0x8D, 0x01, 0x80, 0x01})
        expected.push_back(static_cast<std::byte>(byte));
    EXPECT_EQ(packed(histogram), expected);
}

TEST(DelayHistogram, UnpackAcceptsNothingButTheCanonicalForm) {
    WITH_RANDOM(random);
    int accepted = 0;
    for (int i = 0; i < cases * 10; ++i) {
        auto bytes = packed(random_histogram(random));
        for (std::int64_t damages = random.between(1, 3); damages > 0 && !bytes.empty(); --damages) {
            const auto place = bytes.begin() + random.between(0, std::ssize(bytes) - 1);
            switch (random.between(0, 3)) {
            case 0:
                *place = static_cast<std::byte>(random.between(0, 255));
                break;
            case 1:
                *place ^= static_cast<std::byte>(1 << random.between(0, 7));
                break;
            case 2:
                bytes.erase(place, bytes.end());
                break;
            default:
                bytes.insert(place, static_cast<std::byte>(random.between(0, 255)));
            }
        }
        DelayHistogram histogram;
        if (unpack(bytes, histogram)) {
            ++accepted;
            ASSERT_EQ(packed(histogram), bytes);
        }
    }
    EXPECT_GT(accepted, 100);
    EXPECT_LT(accepted, cases * 9);
}

TEST(DelayHistogram, UnpackRefuses) {
    const auto refused = [](std::initializer_list<int> values) {
        std::vector<std::byte> bytes;
        for (const int value : values)
            bytes.push_back(static_cast<std::byte>(value));
        DelayHistogram histogram;
        return !unpack(bytes, histogram);
    };
    EXPECT_TRUE(refused({}));
    EXPECT_TRUE(refused({1})) << "no sum";
    EXPECT_TRUE(refused({0, 0})) << "another version";
    EXPECT_TRUE(refused({2, 0}));
    EXPECT_FALSE(refused({1, 0}));
    EXPECT_TRUE(refused({1, 0x80, 0})) << "not the shortest 0";
    EXPECT_TRUE(refused({1, 0x80})) << "cut off";
    EXPECT_TRUE(refused({1, 0, 5})) << "no count";
    EXPECT_TRUE(refused({1, 0, 5, 0})) << "a count of 0";
    EXPECT_FALSE(refused({1, 0, 5, 1}));
    EXPECT_FALSE(refused({1, 0, 0xE2, 0x03, 1})) << "the last bucket";
    EXPECT_TRUE(refused({1, 0, 0xE3, 0x03, 1})) << "beyond it";
    EXPECT_TRUE(refused({1, 0, 0xE2, 0x03, 1, 0, 1})) << "and after it";
    EXPECT_TRUE(refused({1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40})) << "a count beyond the limit";
}

TEST(DelayHistogramText, IsFixedAndReadBack) {
    DelayHistogram histogram;
    EXPECT_EQ(text_of(histogram), "{}");
    histogram.add(1'000'000, 2);
    histogram.add(1'700'000);
    EXPECT_EQ(text_of(histogram), R"({"sum": 3700000, "buckets": {"972800": 2, "1638400": 1}})");
    DelayHistogram nothing_but_a_sum;
    nothing_but_a_sum.set_sum(-5);
    EXPECT_EQ(text_of(nothing_but_a_sum), R"({"sum": -5, "buckets": {}})");
    WITH_RANDOM(random);
    for (int i = 0; i < cases; ++i) {
        const DelayHistogram any = random_histogram(random);
        const auto back = parsed(text_of(any));
        ASSERT_TRUE(back) << text_of(any);
        ASSERT_EQ(packed(*back), packed(any)) << text_of(any);
    }
}

TEST(DelayHistogramText, SpacesAndZeroesDoNotMatter) {
    const auto found = parsed(" {\n\"sum\":1 ,\t\"buckets\" : { \"0\" : 0,\"1000\":1, \"1100\":0 } } ");
    ASSERT_TRUE(found);
    EXPECT_EQ(text_of(*found), R"({"sum": 1, "buckets": {"1000": 1}})");
    EXPECT_TRUE(parsed(R"({"sum": 0, "buckets": {}})")->empty());
}

TEST(DelayHistogramText, RefusesWhatIsNoHistogram) {
    using enum HistogramTextError;
    const auto error_of = [](std::string_view text) {
        DelayHistogram histogram;
        return parse_histogram(text, histogram).error;
    };
    for (const std::string_view text : {"",
                                        "{",
                                        "}",
                                        "[]",
                                        "null",
                                        "1",
                                        "{} {}",
                                        "{}x",
                                        R"({"sum": 1})",
                                        R"({"buckets": {}})",
                                        R"({"buckets": {}, "sum": 1})",
                                        R"({"sum": 1, "buckets": {})",
                                        R"({"sum": 1, "buckets": {},})",
                                        R"({"sum": 1, "buckets": {"0": 1,}})",
                                        R"({"sum": 1.5, "buckets": {}})",
                                        R"({"sum": 1e3, "buckets": {}})",
                                        R"({"sum": -, "buckets": {}})",
                                        R"({"sum": "1", "buckets": {}})",
                                        R"({"sum": null, "buckets": {}})",
                                        R"({"sum": 1, "buckets": {"x": 1}})",
                                        R"({"sum": 1, "buckets": {0: 1}})",
                                        R"({"sum": 1, "buckets": {" 0": 1}})",
                                        R"({"sum": 1, "buckets": {"0 ": 1}})",
                                        R"({"sum": 1, "buckets": {"": 1}})",
                                        R"({"sum": 1, "buckets": {"0": }})",
                                        R"({"sum": 1, "buckets": {"0": 1 1}})"})
        EXPECT_EQ(error_of(text), syntax) << text;
    for (const std::string_view text :
         {R"({"sum": 1, "buckets": {"1": 1}})", R"({"sum": 1, "buckets": {"1001": 1}})",
          R"({"sum": 1, "buckets": {"-1000": 1}})", R"({"sum": 1, "buckets": {"1000": 1, "1000": 1}})",
          R"({"sum": 1, "buckets": {"1100": 1, "1000": 1}})",
          R"({"sum": 1, "buckets": {"99999999999999999999999999999999999999999999": 1}})"})
        EXPECT_EQ(error_of(text), no_bucket) << text;
    for (const std::string_view text :
         {R"({"sum": 99999999999999999999999999999999999999999999, "buckets": {}})",
          R"({"sum": 5316911983139663491615228241121378305, "buckets": {}})", // 2^122 + 1
          R"({"sum": 0, "buckets": {"0": 9007199254740993}})", R"({"sum": 0, "buckets": {"0": 18446744073709551617}})"})
        EXPECT_EQ(error_of(text), out_of_range) << text;
    EXPECT_EQ(error_of(R"({"sum": -5316911983139663491615228241121378304, "buckets": {"0": -9007199254740992}})"),
              none);
}

} // namespace
