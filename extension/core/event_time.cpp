#include "core/event_time.hpp"

#include <array>
#include <charconv>
#include <chrono>

#include "core/ascii.hpp"

namespace msgstatus {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr sys_days epoch = sys_days{year{2000} / month{1} / day{1}};
constexpr EventTime unix_epoch =
    -static_cast<EventTime>((epoch - sys_days{year{1970} / month{1} / day{1}}).count()) * microseconds_per_day;

// A cursor over text whose readers take what they understand, or leave the cursor and return nothing.
class Scanner {
public:
    explicit Scanner(std::string_view text) noexcept : rest_(text) {}

    bool at_end() const noexcept { return rest_.empty(); }

    bool take(char c) noexcept {
        if (rest_.empty() || rest_.front() != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool skip_spaces() noexcept {
        const std::size_t before = rest_.size();
        while (!rest_.empty() && is_space(rest_.front()))
            rest_.remove_prefix(1);
        return rest_.size() != before;
    }

    // Between min_digits and max_digits digits.
    std::optional<int> number(std::size_t min_digits, std::size_t max_digits) noexcept {
        std::size_t digits = 0;
        int value = 0;
        while (digits < max_digits && digits < rest_.size() && is_digit(rest_[digits]))
            value = value * 10 + (rest_[digits++] - '0');
        if (digits < min_digits)
            return std::nullopt;
        rest_.remove_prefix(digits);
        return value;
    }

    // The letters at the cursor.
    std::string_view word() noexcept {
        std::size_t letters = 0;
        while (letters < rest_.size() && to_lower(rest_[letters]) >= 'a' && to_lower(rest_[letters]) <= 'z')
            ++letters;
        const std::string_view taken = rest_.substr(0, letters);
        rest_.remove_prefix(letters);
        return taken;
    }

    // One to nine digits of a fraction, as microseconds.
    std::optional<int> fraction() noexcept {
        int value = 0;
        std::size_t digits = 0;
        for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits)
            if (digits < 6)
                value = value * 10 + (rest_[digits] - '0');
        if (digits < 1 || digits > 9)
            return std::nullopt;
        for (std::size_t i = digits; i < 6; ++i)
            value *= 10;
        rest_.remove_prefix(digits);
        return value;
    }

private:
    std::string_view rest_;
};

struct CivilTime {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, microsecond = 0, offset_minutes = 0;
};

std::optional<EventTime> to_event_time(const CivilTime &t) noexcept {
    const year_month_day date{year{t.year}, month{static_cast<unsigned>(t.month)}, day{static_cast<unsigned>(t.day)}};
    if (!date.ok() || t.hour > 23 || t.minute > 59 || t.second > 60)
        return std::nullopt; // 60: a leap second
    const auto days = static_cast<EventTime>((sys_days{date} - epoch).count());
    const EventTime seconds = (t.hour * 60LL + t.minute - t.offset_minutes) * 60 + t.second;
    const EventTime time = days * microseconds_per_day + seconds * microseconds_per_second + t.microsecond;
    if (!is_valid_time(time))
        return std::nullopt;
    return time;
}

// "+hh", "+hhmm" or "+hh:mm" in minutes, east positive.
std::optional<int> parse_offset(Scanner &scan) noexcept {
    int sign = 1;
    if (scan.take('-'))
        sign = -1;
    else if (!scan.take('+'))
        return std::nullopt;
    const auto hours = scan.number(2, 2);
    if (!hours)
        return std::nullopt;
    const bool colon = scan.take(':');
    const auto minutes = scan.number(2, 2);
    if ((colon && !minutes) || *hours > 15 || minutes.value_or(0) > 59)
        return std::nullopt;
    return sign * (*hours * 60 + minutes.value_or(0));
}

// "hh:mm" with optional ":ss" and fraction.
bool parse_clock(Scanner &scan, CivilTime &t) noexcept {
    const auto hour = scan.number(2, 2);
    if (!hour || !scan.take(':'))
        return false;
    const auto minute = scan.number(2, 2);
    if (!minute)
        return false;
    t.hour = *hour;
    t.minute = *minute;
    if (!scan.take(':'))
        return true;
    const auto second = scan.number(2, 2);
    if (!second)
        return false;
    t.second = *second;
    if (!scan.take('.') && !scan.take(','))
        return true;
    const auto microsecond = scan.fraction();
    if (!microsecond)
        return false;
    t.microsecond = *microsecond;
    return true;
}

std::optional<int> parse_month_name(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
    for (std::size_t i = 0; i < months.size(); ++i)
        if (equals_ignoring_case(name, months[i]))
            return static_cast<int>(i) + 1;
    return std::nullopt;
}

char *write_number(char *out, unsigned value, int width) noexcept {
    for (int i = width; i-- > 0; value /= 10)
        out[i] = static_cast<char>('0' + value % 10);
    return out + width;
}

} // namespace

std::optional<EventTime> parse_iso8601(std::string_view text) noexcept {
    Scanner scan(text);
    CivilTime t;
    const auto year = scan.number(4, 4);
    if (!year || !scan.take('-'))
        return std::nullopt;
    const auto month = scan.number(2, 2);
    if (!month || !scan.take('-'))
        return std::nullopt;
    const auto day = scan.number(2, 2);
    if (!day)
        return std::nullopt;
    t.year = *year;
    t.month = *month;
    t.day = *day;
    if (!scan.take('T') && !scan.take('t') && !scan.take(' '))
        return std::nullopt;
    if (!parse_clock(scan, t))
        return std::nullopt;
    scan.skip_spaces();
    if (!scan.at_end() && !scan.take('Z') && !scan.take('z')) {
        const auto offset = parse_offset(scan);
        if (!offset)
            return std::nullopt;
        t.offset_minutes = *offset;
    }
    if (!scan.at_end())
        return std::nullopt;
    return to_event_time(t);
}

std::optional<EventTime> parse_rfc2822(std::string_view text) noexcept {
    Scanner scan(text);
    CivilTime t;
    if (!scan.word().empty()) {
        if (!scan.take(','))
            return std::nullopt;
        scan.skip_spaces();
    }
    const auto day = scan.number(1, 2);
    if (!day || !scan.skip_spaces())
        return std::nullopt;
    const auto month = parse_month_name(scan.word());
    if (!month || !scan.skip_spaces())
        return std::nullopt;
    const auto year = scan.number(4, 4);
    if (!year || !scan.skip_spaces())
        return std::nullopt;
    t.year = *year;
    t.month = *month;
    t.day = *day;
    if (!parse_clock(scan, t))
        return std::nullopt;
    scan.skip_spaces();
    if (!scan.at_end()) {
        if (const auto offset = parse_offset(scan)) {
            t.offset_minutes = *offset;
        } else {
            const std::string_view zone = scan.word();
            if (!equals_ignoring_case(zone, "gmt") && !equals_ignoring_case(zone, "utc") &&
                !equals_ignoring_case(zone, "z"))
                return std::nullopt;
        }
    }
    if (!scan.at_end())
        return std::nullopt;
    return to_event_time(t);
}

std::optional<EventTime> parse_unix_time(std::string_view text) noexcept {
    std::int64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (error != std::errc{} || whole < 0 || whole >= 100'000'000'000'000'000)
        return std::nullopt;
    const auto consumed = static_cast<std::size_t>(end - text.data());
    if (consumed == 0 || !is_digit(text.front()))
        return std::nullopt;
    std::int64_t unit = 1;
    if (whole < 100'000'000'000)
        unit = microseconds_per_second;
    else if (whole < 100'000'000'000'000)
        unit = 1'000;

    std::int64_t fraction = 0;
    if (consumed < text.size()) {
        if (text[consumed] != '.' || consumed + 1 == text.size())
            return std::nullopt;
        std::int64_t place = unit;
        for (const char c : text.substr(consumed + 1)) {
            if (!is_digit(c))
                return std::nullopt;
            place /= 10;
            fraction += (c - '0') * place;
        }
    }
    const EventTime time = whole * unit + fraction + unix_epoch;
    if (!is_valid_time(time))
        return std::nullopt;
    return time;
}

std::optional<EventTime> parse_event_time(std::string_view text) noexcept {
    text = trim(text);
    if (const auto time = parse_unix_time(text))
        return time;
    if (const auto time = parse_iso8601(text))
        return time;
    return parse_rfc2822(text);
}

std::size_t format_iso8601(EventTime time, char *out) noexcept {
    const EventTime days =
        time >= 0 ? time / microseconds_per_day : -((-time + microseconds_per_day - 1) / microseconds_per_day);
    EventTime rest = time - days * microseconds_per_day;
    const year_month_day date{epoch + std::chrono::days{days}};
    const auto microsecond = static_cast<unsigned>(rest % microseconds_per_second);
    rest /= microseconds_per_second;

    char *p = write_number(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    *p++ = '-';
    p = write_number(p, static_cast<unsigned>(date.month()), 2);
    *p++ = '-';
    p = write_number(p, static_cast<unsigned>(date.day()), 2);
    *p++ = 'T';
    p = write_number(p, static_cast<unsigned>(rest / 3600), 2);
    *p++ = ':';
    p = write_number(p, static_cast<unsigned>(rest / 60 % 60), 2);
    *p++ = ':';
    p = write_number(p, static_cast<unsigned>(rest % 60), 2);
    if (microsecond != 0) {
        *p++ = '.';
        p = write_number(p, microsecond, 6);
        while (p[-1] == '0')
            --p;
    }
    *p++ = 'Z';
    return static_cast<std::size_t>(p - out);
}

} // namespace msgstatus
