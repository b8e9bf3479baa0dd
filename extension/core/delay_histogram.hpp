// A histogram of delays that can be merged and subtracted, so that a change of one delay changes the histogram of many:
// take the old one away, add the new one. Percentiles read from it are within 5 %.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/event_time.hpp"

namespace msgstatus {

// Microseconds, from 0 to max_delay: the longest time between two event times.
using Delay = std::int64_t;
inline constexpr Delay max_delay = max_time - min_time;

// Sums of delays need more than 64 bits: thirty of the longest ones would not fit.
__extension__ using DelaySum = __int128;

// Buckets: 0 holds the delays below a millisecond. From there on each doubling is cut into ten equal parts: 1 ms to
// 1.1 ms, ... 1.9 ms to 2 ms, 2 ms to 2.2 ms and so on. All bounds are whole microseconds, and none is more than a
// tenth above the one before.
inline constexpr std::size_t bucket_count = 1 + 48 * 10 + 2; // the last one holds max_delay

// Returns the bucket of a delay from 0 to max_delay.
std::size_t bucket_of(Delay delay) noexcept;

// Returns the shortest delay of a bucket. That of `bucket_count` is the end of the last bucket.
Delay lower_bound_of(std::size_t bucket) noexcept;

// Returns the delay that stands for those of a bucket: 0 in the first one, and in the others the one
// whose relative distance to both bounds is equal, at most 1 in 21.
Delay representative_of(std::size_t bucket) noexcept;

// Counts may be negative, so that the difference of any two histograms is one. The limits are those of the text and
// binary forms, too.
inline constexpr std::int64_t max_bucket_count = std::int64_t{1} << 53;
inline constexpr DelaySum max_delay_sum = DelaySum{1} << 122; // more than any delays within max_bucket_count sum up to

// A delay as it is shown: in seconds with so many places, at most three. The value is a whole number of its last digit.
struct ShownDelay {
    Delay value;
    int places;
};

class DelayHistogram {
public:
    struct Bucket {
        std::uint16_t index;
        std::int64_t count;
    };

    // add counts a delay, from 0 to max_delay, so many times; a negative number takes it away. Returns false, and
    // leaves the histogram as it was, where a limit would be exceeded.
    bool add(Delay delay, std::int64_t times = 1) noexcept;

    // Adds every count and the sum of the other histogram, or takes them away where `sign` is -1. Returns false,
    // and leaves the histogram as it was, where a limit would be exceeded.
    bool merge(const DelayHistogram &other, int sign = 1) noexcept;

    // Adds a count to a bucket above all others; a count of 0 adds nothing. Returns false, and leaves the
    // histogram as it was, where the bucket is not above the others or the count beyond the limit. For readers of the
    // other forms, with set_sum.
    bool append(std::size_t bucket, std::int64_t count) noexcept;
    bool set_sum(DelaySum sum) noexcept;

    void clear() noexcept {
        sum_ = 0;
        size_ = 0;
    }

    bool empty() const noexcept { return size_ == 0 && sum_ == 0; }
    std::int64_t count() const noexcept;
    DelaySum sum() const noexcept { return sum_; }

    // Returns the buckets whose count is not 0, in ascending order.
    std::span<const Bucket> buckets() const noexcept { return {buckets_.data(), size_}; }

    // Returns the sum divided by the count, rounded to the nearest microsecond; nothing where the count is 0.
    std::optional<DelaySum> average() const noexcept;

    // Returns the delay that the fraction (from 0 to 1) of all delays does not exceed, as percentile_disc
    // does, but within 5 %, or within a millisecond where it is below one. Nothing where the count is not positive.
    std::optional<Delay> percentile(double fraction) const noexcept;

    // Returns the percentile with two digits, which is what a bucket tells, but in whole milliseconds
    // at the finest. Buckets are up to a tenth wide, and the average is exact, so what stands for a bucket can be below
    // an average that no delay is below. Hence this one is not below the average (in milliseconds) unless the
    // percentile's whole bucket is, and not above it where its whole bucket is below. It grows with the fraction.
    std::optional<ShownDelay> shown_percentile(double fraction) const noexcept;

private:
    // The bucket with the delay that the fraction of all delays does not exceed.
    std::optional<std::size_t> bucket_at(double fraction) const noexcept;

    DelaySum sum_ = 0;
    std::size_t size_ = 0;
    std::array<Bucket, bucket_count> buckets_; // members beyond size_ are unspecified
};

// The histogram as it is stored: one byte of format version, the sum, then for each bucket the distance to the one
// before and the count, all as integers of variable length. Equal histograms have equal bytes.
inline constexpr std::uint8_t histogram_version = 1;
inline constexpr std::size_t max_packed_histogram_size = 1 + 18 + bucket_count * (2 + 8);

// Writes the stored form into `out`, which must hold max_packed_histogram_size bytes; returns the number written.
std::size_t pack(const DelayHistogram &histogram, std::byte *out) noexcept;

// Reads the stored form into a histogram, in place of what it held; false where the bytes are not one (wrong
// version, cut off, not in the canonical form, beyond a limit).
bool unpack(std::span<const std::byte> bytes, DelayHistogram &histogram) noexcept;

} // namespace msgstatus
