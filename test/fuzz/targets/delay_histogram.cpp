// Histograms of delays: both forms are canonical and read back as they were, and merging is an addition.
#include "core/delay_histogram_text.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "support/fuzz.hpp"

using namespace msgstatus;

namespace {

std::vector<std::byte> packed(const DelayHistogram &histogram) {
    std::vector<std::byte> bytes(max_packed_histogram_size);
    const std::size_t size = pack(histogram, bytes.data());
    FUZZ_CHECK(size <= bytes.size());
    bytes.resize(size);
    return bytes;
}

std::string written(const DelayHistogram &histogram) {
    std::vector<char> text(max_histogram_text_size);
    const std::size_t size = format_histogram(histogram, text.data());
    FUZZ_CHECK(size <= text.size());
    return {text.data(), size};
}

void check_forms(const DelayHistogram &histogram) {
    DelayHistogram again;
    FUZZ_CHECK(unpack(packed(histogram), again));
    FUZZ_CHECK(packed(again) == packed(histogram));
    const std::string text = written(histogram);
    FUZZ_CHECK(parse_histogram(text, again).error == HistogramTextError::none);
    FUZZ_CHECK(packed(again) == packed(histogram));
    FUZZ_CHECK(written(again) == text);
}

void check_answers(const DelayHistogram &histogram) {
    for (const double fraction : {0.0, 0.5, 0.99, 1.0})
        if (const auto delay = histogram.percentile(fraction))
            FUZZ_CHECK(*delay >= 0 && *delay < lower_bound_of(bucket_count));
    for (const double fraction : {0.0, 0.5, 0.99, 1.0})
        if (const auto delay = histogram.shown_percentile(fraction))
            FUZZ_CHECK(delay->value >= 0 && delay->places >= 0 && delay->places <= 3);
    FUZZ_CHECK(histogram.average().has_value() == (histogram.count() != 0));

    DelayHistogram difference = histogram;
    FUZZ_CHECK(difference.merge(histogram, -1));
    FUZZ_CHECK(difference.empty());
    DelayHistogram doubled = histogram;
    if (doubled.merge(histogram)) {
        check_forms(doubled);
        FUZZ_CHECK(doubled.merge(histogram, -1));
        FUZZ_CHECK(packed(doubled) == packed(histogram));
    } else {
        FUZZ_CHECK(packed(doubled) == packed(histogram));
    }
}

void check(const DelayHistogram &histogram) {
    check_forms(histogram);
    check_answers(histogram);
}

void check_bucket(Delay delay) {
    const std::size_t bucket = bucket_of(delay);
    FUZZ_CHECK(bucket < bucket_count);
    FUZZ_CHECK(lower_bound_of(bucket) <= delay && delay < lower_bound_of(bucket + 1));
    const Delay stands_for_it = representative_of(bucket);
    FUZZ_CHECK(lower_bound_of(bucket) <= stands_for_it && stands_for_it < lower_bound_of(bucket + 1));
    DelayHistogram histogram;
    FUZZ_CHECK(histogram.add(delay) && histogram.count() == 1 && histogram.sum() == delay);
    FUZZ_CHECK(histogram.add(delay, -1) && histogram.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    DelayHistogram histogram;
    const HistogramTextFault fault = parse_histogram(text, histogram);
    if (fault.error == HistogramTextError::none)
        check(histogram);
    else
        FUZZ_CHECK(fault.culprit.data() >= text.data() &&
                   fault.culprit.data() + fault.culprit.size() <= text.data() + text.size());

    const auto bytes = std::as_bytes(std::span(data, size));
    if (unpack(bytes, histogram)) {
        const std::vector<std::byte> canonical = packed(histogram);
        FUZZ_CHECK(std::equal(canonical.begin(), canonical.end(), bytes.begin(), bytes.end()));
        check(histogram);
    }
    check_bucket(static_cast<Delay>(fuzz::Input(text).number() % (static_cast<std::uint64_t>(max_delay) + 1)));
    return 0;
}
