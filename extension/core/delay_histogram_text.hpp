// The text form of a histogram: {"sum": 3500000, "buckets": {"921600": 2, "1638400": 1}}. All numbers but the counts
// are microseconds; a bucket is named by its lower bound. The empty histogram is {}.
#pragma once

#include <string_view>

#include "core/delay_histogram.hpp"

namespace msgstatus {

// Room for the sum, and for every bucket with its bound, its count and what stands around them.
inline constexpr std::size_t max_histogram_text_size = 64 + bucket_count * (2 + 18 + 2 + 17 + 2);

// Writes the text form, buckets in ascending order, into `out`, which must hold
// max_histogram_text_size bytes; returns the number written.
std::size_t format_histogram(const DelayHistogram &histogram, char *out) noexcept;

enum class HistogramTextError : std::uint8_t { none, syntax, no_bucket, out_of_range };

struct HistogramTextFault {
    HistogramTextError error = HistogramTextError::none;
    std::string_view culprit; // the part of the text that is wrong
};

// Reads the text form, with white space anywhere between its parts; buckets must come in ascending
// order, and those with a count of 0 are left out.
HistogramTextFault parse_histogram(std::string_view text, DelayHistogram &histogram) noexcept;

} // namespace msgstatus
