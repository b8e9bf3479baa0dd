#include "core/delay_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace msgstatus {
namespace {

constexpr Delay microseconds_per_millisecond = 1000;
constexpr std::size_t buckets_per_octave = 10;
constexpr Delay finest_step = microseconds_per_millisecond / buckets_per_octave;

bool within_limit(DelaySum sum) noexcept {
    return sum >= -max_delay_sum && sum <= max_delay_sum;
}

bool within_limit(std::int64_t count) noexcept {
    return count >= -max_bucket_count && count <= max_bucket_count;
}

// Integers of variable length: seven bits a byte, the lowest first, the highest bit set on all but the last. Small
// negative numbers are short, too: 0, -1, 1, -2, 2, ... are written as 0, 1, 2, 3, 4, ...
__extension__ using Unsigned128 = unsigned __int128;

template <typename Unsigned>
std::byte *put(std::byte *out, Unsigned value) noexcept {
    for (; value >= 0x80; value >>= 7)
        *out++ = static_cast<std::byte>(static_cast<unsigned>(value & 0x7F) | 0x80U);
    *out++ = static_cast<std::byte>(value);
    return out;
}

template <typename Unsigned, typename Signed>
std::byte *put_signed(std::byte *out, Signed value) noexcept {
    static_assert(sizeof(Unsigned) == sizeof(Signed));
    const Unsigned doubled = static_cast<Unsigned>(value) << 1;
    return put(out, value < 0 ? ~doubled : doubled);
}

class Input {
public:
    explicit Input(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

    bool at_end() const noexcept { return rest_.empty(); }

    // Reads an integer; nothing where it is cut off, too long, or not as short as it could be.
    template <typename Unsigned>
    std::optional<Unsigned> take() noexcept {
        constexpr unsigned most_bits = sizeof(Unsigned) * 8 / 7 * 7;
        Unsigned value = 0;
        for (unsigned shift = 0; shift < most_bits && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned>(rest_.front());
            rest_ = rest_.subspan(1);
            value |= static_cast<Unsigned>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0)
                return byte == 0 && shift != 0 ? std::nullopt : std::optional(value);
        }
        return std::nullopt;
    }

    template <typename Signed, typename Unsigned>
    std::optional<Signed> take_signed() noexcept {
        const auto value = take<Unsigned>();
        if (!value)
            return std::nullopt;
        const auto half = static_cast<Signed>(*value >> 1);
        return (*value & 1) != 0 ? ~half : half;
    }

private:
    std::span<const std::byte> rest_;
};

// What the second digit of a delay counts, or a millisecond where that is more.
Delay last_digit_of(Delay delay) noexcept {
    Delay unit = microseconds_per_millisecond;
    while (delay / unit >= 100)
        unit *= 10;
    return unit;
}

// The delay with two digits: cut off after `extra` was added.
Delay to_two_digits(Delay delay, Delay extra) noexcept {
    const Delay unit = last_digit_of(delay);
    return (delay + extra) / unit * unit;
}

int places_of(Delay unit) noexcept {
    int places = 3;
    for (; unit > microseconds_per_millisecond && places > 0; unit /= 10)
        --places;
    return places;
}

} // namespace

std::size_t bucket_of(Delay delay) noexcept {
    if (delay < microseconds_per_millisecond)
        return 0;
    const auto octave =
        static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(delay / microseconds_per_millisecond)) - 1);
    // In steps of a tenth of the octave's beginning: 10 to 19.
    const auto tenths = static_cast<std::size_t>((delay / finest_step) >> octave);
    return 1 + octave * buckets_per_octave + tenths - buckets_per_octave;
}

Delay lower_bound_of(std::size_t bucket) noexcept {
    if (bucket == 0)
        return 0;
    const std::size_t octave = (bucket - 1) / buckets_per_octave;
    const std::size_t tenths = buckets_per_octave + (bucket - 1) % buckets_per_octave;
    return static_cast<Delay>(tenths) * finest_step << octave;
}

Delay representative_of(std::size_t bucket) noexcept {
    if (bucket == 0)
        return 0;
    const DelaySum low = lower_bound_of(bucket);
    const DelaySum high = lower_bound_of(bucket + 1);
    return static_cast<Delay>(2 * low * high / (low + high));
}

bool DelayHistogram::add(Delay delay, std::int64_t times) noexcept {
    if (times == 0)
        return true;
    if (!within_limit(times))
        return false;
    const DelaySum sum = sum_ + static_cast<DelaySum>(delay) * times;
    const auto index = static_cast<std::uint16_t>(bucket_of(delay));
    Bucket *const end = buckets_.data() + size_;
    Bucket *const place = std::lower_bound(
        buckets_.data(), end, index, [](const Bucket &bucket, std::size_t wanted) { return bucket.index < wanted; });
    const bool known = place != end && place->index == index;
    const std::int64_t count = times + (known ? place->count : 0);
    if (!within_limit(sum) || !within_limit(count))
        return false;
    sum_ = sum;
    if (count == 0) {
        std::copy(place + 1, end, place);
        --size_;
    } else if (known) {
        place->count = count;
    } else {
        std::copy_backward(place, end, end + 1);
        *place = {index, count};
        ++size_;
    }
    return true;
}

bool DelayHistogram::merge(const DelayHistogram &other, int sign) noexcept {
    DelayHistogram merged;
    if (!merged.set_sum(sum_ + sign * other.sum_))
        return false;
    const Bucket *a = buckets_.data();
    const Bucket *b = other.buckets_.data();
    const Bucket *const a_end = a + size_;
    const Bucket *const b_end = b + other.size_;
    while (a != a_end || b != b_end) {
        const bool take_a = b == b_end || (a != a_end && a->index <= b->index);
        const bool take_b = a == a_end || (b != b_end && b->index <= a->index);
        const std::size_t index = take_a ? a->index : b->index;
        std::int64_t count = 0;
        if (take_a)
            count += (a++)->count;
        if (take_b)
            count += sign * (b++)->count;
        if (!merged.append(index, count))
            return false;
    }
    sum_ = merged.sum_;
    size_ = merged.size_;
    std::copy_n(merged.buckets_.data(), size_, buckets_.data());
    return true;
}

bool DelayHistogram::append(std::size_t bucket, std::int64_t count) noexcept {
    if (bucket >= bucket_count || !within_limit(count) || (size_ > 0 && bucket <= buckets_[size_ - 1].index))
        return false;
    if (count != 0)
        buckets_[size_++] = {static_cast<std::uint16_t>(bucket), count};
    return true;
}

bool DelayHistogram::set_sum(DelaySum sum) noexcept {
    if (!within_limit(sum))
        return false;
    sum_ = sum;
    return true;
}

std::int64_t DelayHistogram::count() const noexcept {
    static_assert(static_cast<DelaySum>(max_bucket_count) * bucket_count <= INT64_MAX);
    std::int64_t count = 0;
    for (const Bucket &bucket : buckets())
        count += bucket.count;
    return count;
}

std::optional<DelaySum> DelayHistogram::average() const noexcept {
    const DelaySum number = count();
    if (number == 0)
        return std::nullopt;
    const DelaySum half = (number < 0 ? -number : number) / 2;
    return (sum_ < 0 ? sum_ - half : sum_ + half) / number;
}

std::optional<std::size_t> DelayHistogram::bucket_at(double fraction) const noexcept {
    const std::int64_t number = count();
    if (number <= 0)
        return std::nullopt;
    const auto rank = std::clamp(static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(number))),
                                 std::int64_t{1}, number);
    std::int64_t passed = 0;
    for (const Bucket &bucket : buckets()) {
        passed += bucket.count;
        if (passed >= rank)
            return bucket.index;
    }
    return std::nullopt;
}

std::optional<Delay> DelayHistogram::percentile(double fraction) const noexcept {
    const auto bucket = bucket_at(fraction);
    return bucket ? std::optional(representative_of(*bucket)) : std::nullopt;
}

std::optional<ShownDelay> DelayHistogram::shown_percentile(double fraction) const noexcept {
    const auto bucket = bucket_at(fraction);
    if (!bucket)
        return std::nullopt;
    const Delay representative = representative_of(*bucket);
    Delay shown = to_two_digits(representative, last_digit_of(representative) / 2);
    const DelaySum exact = *average();
    const auto mean = static_cast<Delay>(std::clamp(exact, DelaySum{0}, DelaySum{max_delay}));
    const Delay mean_shown =
        (mean + microseconds_per_millisecond / 2) / microseconds_per_millisecond * microseconds_per_millisecond;
    if (exact < lower_bound_of(*bucket + 1))
        shown = std::max(shown, to_two_digits(mean_shown, last_digit_of(mean_shown) - 1));
    else
        shown = std::min(shown, to_two_digits(mean_shown, 0));
    return ShownDelay{shown, places_of(last_digit_of(shown))};
}

std::size_t pack(const DelayHistogram &histogram, std::byte *out) noexcept {
    std::byte *p = out;
    *p++ = std::byte{histogram_version};
    p = put_signed<Unsigned128>(p, histogram.sum());
    std::size_t next = 0;
    for (const DelayHistogram::Bucket &bucket : histogram.buckets()) {
        p = put(p, bucket.index - next);
        p = put_signed<std::uint64_t>(p, bucket.count);
        next = bucket.index + 1U;
    }
    return static_cast<std::size_t>(p - out);
}

bool unpack(std::span<const std::byte> bytes, DelayHistogram &histogram) noexcept {
    if (bytes.empty() || bytes[0] != std::byte{histogram_version})
        return false;
    histogram.clear();
    Input input(bytes.subspan(1));
    const auto sum = input.take_signed<DelaySum, Unsigned128>();
    if (!sum || !histogram.set_sum(*sum))
        return false;
    std::size_t next = 0;
    while (!input.at_end()) {
        const auto distance = input.take<std::uint64_t>();
        const auto count = input.take_signed<std::int64_t, std::uint64_t>();
        if (!distance || *distance >= bucket_count || !count || *count == 0)
            return false;
        const std::size_t index = next + static_cast<std::size_t>(*distance);
        if (!histogram.append(index, *count))
            return false;
        next = index + 1;
    }
    return true;
}

} // namespace msgstatus
