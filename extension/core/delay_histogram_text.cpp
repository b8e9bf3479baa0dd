#include "core/delay_histogram_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/ascii.hpp"

namespace msgstatus {
namespace {

char *append(char *out, std::string_view text) noexcept {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

char *append_number(char *out, DelaySum number) noexcept {
    if (number < 0)
        *out++ = '-';
    std::array<char, 40> digits;
    auto *p = digits.data();
    do {
        const auto digit = static_cast<int>(number % 10);
        *p++ = static_cast<char>('0' + (digit < 0 ? -digit : digit));
        number /= 10;
    } while (number != 0);
    std::reverse(digits.data(), p);
    return append(out, {digits.data(), static_cast<std::size_t>(p - digits.data())});
}

void skip_spaces(std::string_view &rest) noexcept {
    while (!rest.empty() && is_space(rest.front()))
        rest.remove_prefix(1);
}

bool take(std::string_view &rest, std::string_view token) noexcept {
    skip_spaces(rest);
    if (!rest.starts_with(token))
        return false;
    rest.remove_prefix(token.size());
    return true;
}

// Takes what looks like a whole number, from here on without white space; empty where there is none.
std::string_view take_number(std::string_view &rest) noexcept {
    std::size_t size = rest.starts_with('-') ? 1 : 0;
    while (size < rest.size() && is_digit(rest[size]))
        ++size;
    const std::string_view number = rest.substr(0, size);
    rest.remove_prefix(size);
    return number == "-" ? std::string_view() : number;
}

// Takes a number after a colon.
std::string_view take_value(std::string_view &rest) noexcept {
    if (!take(rest, ":"))
        return {};
    skip_spaces(rest);
    return take_number(rest);
}

// Takes a number in quotes.
std::string_view take_key(std::string_view &rest) noexcept {
    if (!take(rest, "\""))
        return {};
    const std::string_view number = take_number(rest);
    if (!rest.starts_with('"'))
        return {};
    rest.remove_prefix(1);
    return number;
}

// Nothing where it does not fit. The text is that of take_number, and not empty.
std::optional<DelaySum> parse_number(std::string_view text) noexcept {
    const bool negative = text.starts_with('-');
    DelaySum number = 0;
    for (const char c : text.substr(negative ? 1 : 0)) {
        number = number * 10 + (c - '0');
        if (number > max_delay_sum)
            return std::nullopt;
    }
    return negative ? -number : number;
}

} // namespace

std::size_t format_histogram(const DelayHistogram &histogram, char *out) noexcept {
    char *p = append(out, "{");
    if (!histogram.empty()) {
        p = append(p, "\"sum\": ");
        p = append_number(p, histogram.sum());
        p = append(p, ", \"buckets\": {");
        bool first = true;
        for (const DelayHistogram::Bucket &bucket : histogram.buckets()) {
            p = append(p, first ? "\"" : ", \"");
            p = append_number(p, lower_bound_of(bucket.index));
            p = append(p, "\": ");
            p = append_number(p, bucket.count);
            first = false;
        }
        p = append(p, "}");
    }
    p = append(p, "}");
    return static_cast<std::size_t>(p - out);
}

HistogramTextFault parse_histogram(std::string_view text, DelayHistogram &histogram) noexcept {
    using enum HistogramTextError;
    const HistogramTextFault syntax_fault{syntax, text};
    histogram.clear();
    std::string_view rest = text;
    if (!take(rest, "{"))
        return syntax_fault;
    if (!take(rest, "}")) {
        if (!take(rest, "\"sum\""))
            return syntax_fault;
        const std::string_view sum_text = take_value(rest);
        if (sum_text.empty() || !take(rest, ",") || !take(rest, "\"buckets\"") || !take(rest, ":") || !take(rest, "{"))
            return syntax_fault;
        const auto sum = parse_number(sum_text);
        if (!sum || !histogram.set_sum(*sum))
            return {out_of_range, sum_text};
        if (!take(rest, "}")) {
            std::optional<std::size_t> last;
            do {
                const std::string_view bound_text = take_key(rest);
                const std::string_view count_text = take_value(rest);
                if (bound_text.empty() || count_text.empty())
                    return syntax_fault;
                const auto bound = parse_number(bound_text);
                if (!bound || *bound < 0 || *bound > max_delay)
                    return {no_bucket, bound_text};
                const std::size_t bucket = bucket_of(static_cast<Delay>(*bound));
                if (lower_bound_of(bucket) != *bound || (last && bucket <= *last))
                    return {no_bucket, bound_text};
                last = bucket;
                const auto count = parse_number(count_text);
                if (!count || *count < INT64_MIN || *count > INT64_MAX ||
                    !histogram.append(bucket, static_cast<std::int64_t>(*count)))
                    return {out_of_range, count_text};
            } while (take(rest, ","));
            if (!take(rest, "}"))
                return syntax_fault;
        }
        if (!take(rest, "}"))
            return syntax_fault;
    }
    skip_spaces(rest);
    if (!rest.empty())
        return syntax_fault;
    return {};
}

} // namespace msgstatus
