// Times of events: every form that providers send, what is refused, and the one form that is written.
#include "core/event_time.hpp"

#include "core_random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace msgstatus;
using namespace std::string_view_literals;

constexpr EventTime seconds_from_1970_to_2000 = 946'684'800;

// The C library is the judge of the calendar.
EventTime utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0, int microsecond = 0) {
    std::tm tm{};
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_hour = hour;
    tm.tm_min = minute;
    tm.tm_sec = second;
    return (static_cast<EventTime>(timegm(&tm)) - seconds_from_1970_to_2000) * microseconds_per_second + microsecond;
}

struct BrokenDown {
    std::tm tm{};
    int microsecond = 0;
};

BrokenDown broken_down(EventTime time) {
    BrokenDown result;
    EventTime seconds = time / microseconds_per_second;
    EventTime rest = time % microseconds_per_second;
    if (rest < 0) {
        rest += microseconds_per_second;
        --seconds;
    }
    const std::time_t unix_seconds = seconds + seconds_from_1970_to_2000;
    gmtime_r(&unix_seconds, &result.tm);
    result.microsecond = static_cast<int>(rest);
    return result;
}

std::string printed(const char *format, auto... values) {
    std::array<char, 100> out{};
    const int size = std::snprintf(out.data(), out.size(), format, values...);
    return {out.data(), static_cast<std::size_t>(size)};
}

std::string formatted(EventTime time) {
    std::vector<char> out(max_iso8601_size);
    const std::size_t size = format_iso8601(time, out.data());
    EXPECT_LE(size, out.size());
    return {out.data(), size};
}

const EventTime moment = utc(2024, 12, 10, 10, 30, 5);

TEST(EventTime, UnixTimesAreToldApartByMagnitude) {
    EXPECT_EQ(parse_event_time("1733826605"), moment);
    EXPECT_EQ(parse_event_time("1733826605000"), moment);
    EXPECT_EQ(parse_event_time("1733826605000000"), moment);
    EXPECT_EQ(parse_event_time("1733826605250"), moment + 250'000);
    EXPECT_EQ(parse_event_time("1733826605250001"), moment + 250'001);
    EXPECT_EQ(parse_event_time("0"), utc(1970, 1, 1));
    EXPECT_EQ(parse_event_time("1"), utc(1970, 1, 1, 0, 0, 1));
    EXPECT_EQ(parse_event_time("01733826605"), moment);
    // The borders between the units.
    EXPECT_EQ(parse_event_time("99999999999"), utc(5138, 11, 16, 9, 46, 39));
    EXPECT_EQ(parse_event_time("100000000000"), utc(1973, 3, 3, 9, 46, 40));
    EXPECT_EQ(parse_event_time("99999999999999"), utc(5138, 11, 16, 9, 46, 39, 999'000));
    EXPECT_EQ(parse_event_time("100000000000000"), utc(1973, 3, 3, 9, 46, 40));
    EXPECT_EQ(parse_event_time("99999999999999999"), utc(5138, 11, 16, 9, 46, 39, 999'999));
    EXPECT_EQ(parse_event_time("100000000000000000"), std::nullopt);
}

TEST(EventTime, UnixTimesWithAFraction) {
    EXPECT_EQ(parse_event_time("1733826605.0"), moment);
    EXPECT_EQ(parse_event_time("1733826605.25"), moment + 250'000);
    EXPECT_EQ(parse_event_time("1733826605.250001"), moment + 250'001);
    EXPECT_EQ(parse_event_time("1733826605.2500019"), moment + 250'001) << "rounded down";
    EXPECT_EQ(parse_event_time("1733826605.99999999999999999999999999999999"), moment + 999'999);
    EXPECT_EQ(parse_event_time("1733826605000.5"), moment + 500);
    EXPECT_EQ(parse_event_time("1733826605000.0019"), moment + 1);
    EXPECT_EQ(parse_event_time("1733826605000000.9"), moment);
}

TEST(EventTime, Iso8601) {
    for (const std::string_view text :
         {"2024-12-10T10:30:05Z",       "2024-12-10t10:30:05z",      "2024-12-10 10:30:05Z",
          "2024-12-10 10:30:05",        "2024-12-10T10:30:05",       "2024-12-10T10:30:05+00:00",
          "2024-12-10T10:30:05-00:00",  "2024-12-10T10:30:05+0000",  "2024-12-10T10:30:05+00",
          "2024-12-10T10:30:05.0Z",     "2024-12-10T10:30:05,000Z",  "2024-12-10T12:30:05+02:00",
          "2024-12-10T12:30:05+02",     "2024-12-10T16:00:05+0530",  "2024-12-10T16:15:05+05:45",
          "2024-12-10T02:30:05-08:00",  "2024-12-11T02:29:05+15:59", "2024-12-09T18:31:05-15:59",
          "2024-12-10 10:30:05 +00:00", "2024-12-10 10:30:05 Z"})
        EXPECT_EQ(parse_event_time(text), moment) << text;
    EXPECT_EQ(parse_event_time("2024-12-10T10:30Z"), moment - 5 * microseconds_per_second);
    EXPECT_EQ(parse_event_time("2024-12-10 10:30"), moment - 5 * microseconds_per_second);
    EXPECT_EQ(parse_event_time("2024-12-10T12:30+02"), moment - 5 * microseconds_per_second);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:60Z"), moment + 55 * microseconds_per_second) << "a leap second";
}

TEST(EventTime, Iso8601Fractions) {
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05.2Z"), moment + 200'000);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05.25+00:00"), moment + 250'000);
    EXPECT_EQ(parse_event_time("2024-12-10 10:30:05.250001+00"), moment + 250'001);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05.000001Z"), moment + 1);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05.123456789Z"), moment + 123'456) << "rounded down";
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05.999999999Z"), moment + 999'999);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05.1234567891Z"), std::nullopt);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05.Z"), std::nullopt);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30.5Z"), std::nullopt);
}

TEST(EventTime, Rfc2822) {
    for (const std::string_view text :
         {"Tue, 10 Dec 2024 10:30:05 +0000", "10 Dec 2024 10:30:05 +0000", "Tue,10 Dec 2024 10:30:05 +0000",
          "TUE, 10 DEC 2024 10:30:05 GMT", "tue, 10 dec 2024 10:30:05 utc", "Tue, 10 Dec 2024 10:30:05 Z",
          "Tue, 10 Dec 2024 10:30:05", "Tue,  10  Dec  2024  10:30:05  +0000", "Tue, 10 Dec 2024 12:30:05 +0200",
          "Tue, 10 Dec 2024 16:00:05 +0530", "Tue, 10 Dec 2024 02:30:05 -0800", "Tue, 10 Dec 2024 10:30:05 -0000"})
        EXPECT_EQ(parse_event_time(text), moment) << text;
    EXPECT_EQ(parse_event_time("Tue, 10 Dec 2024 10:30 +0000"), moment - 5 * microseconds_per_second);
    EXPECT_EQ(parse_event_time("10 Dec 2024 10:30 GMT"), moment - 5 * microseconds_per_second);
    EXPECT_EQ(parse_event_time("Thu, 05 Sep 2024 23:59:59 +0000"), utc(2024, 9, 5, 23, 59, 59));
    EXPECT_EQ(parse_event_time("5 Sep 2024 23:59:59 +0000"), utc(2024, 9, 5, 23, 59, 59));
    const std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (std::size_t i = 0; i < months.size(); ++i)
        EXPECT_EQ(parse_event_time("28 " + std::string(months[i]) + " 2023 00:00:00 +0000"),
                  utc(2023, static_cast<int>(i) + 1, 28));
}

TEST(EventTime, WhiteSpaceAroundIsIgnored) {
    EXPECT_EQ(parse_event_time(" 1733826605 "), moment);
    EXPECT_EQ(parse_event_time("\t2024-12-10T10:30:05Z\r\n"), moment);
    EXPECT_EQ(parse_event_time("\n Tue, 10 Dec 2024 10:30:05 +0000 "), moment);
}

TEST(EventTime, Refused) {
    for (const std::string_view text : {
             // no time at all
             ""sv,
             " "sv,
             "abc"sv,
             "NaN"sv,
             "nan"sv,
             "inf"sv,
             "infinity"sv,
             "-infinity"sv,
             "now"sv,
             "today"sv,
             "null"sv,
             "true"sv,
             "{}"sv,
             "\0"sv,
             "\xff\xfe"sv,
             // numbers
             "-1"sv,
             "-0"sv,
             "+1733826605"sv,
             "1e30"sv,
             "1e9"sv,
             "1.7338e9"sv,
             "0x6758185d"sv,
             ".5"sv,
             "1733826605."sv,
             "1733826605.x"sv,
             "1733826605.5.5"sv,
             "1 733 826 605"sv,
             "1,733,826,605"sv,
             "1733826605Z"sv,
             "1733826605s"sv,
             "999999999999999999"sv,
             "9223372036854775807"sv,
             "9223372036854775808"sv,
             "18446744073709551616"sv,
             "1733826605\0"sv,
             "100000000000000000000000000000000000000000000000000"sv,
             // ISO 8601: parts out of range
             "2024-13-10T10:30:05Z"sv,
             "2024-00-10T10:30:05Z"sv,
             "2024-12-00T10:30:05Z"sv,
             "2024-12-32T10:30:05Z"sv,
             "2024-02-30T10:30:05Z"sv,
             "2023-02-29T10:30:05Z"sv,
             "1900-02-29T10:30:05Z"sv,
             "2024-04-31T10:30:05Z"sv,
             "2024-12-10T24:00:00Z"sv,
             "2024-12-10T25:30:05Z"sv,
             "2024-12-10T10:60:05Z"sv,
             "2024-12-10T10:30:61Z"sv,
             "2024-12-10T10:30:05+16:00"sv,
             "2024-12-10T10:30:05+05:60"sv,
             "99999-12-10T10:30:05Z"sv,
             "+99999-12-10T10:30:05Z"sv,
             "-2024-12-10T10:30:05Z"sv,
             "0000-12-31T23:59:59Z"sv,
             // ISO 8601: malformed
             "2024-12-10"sv,
             "2024-12-10T"sv,
             "2024-12-10T10"sv,
             "2024-12-10T10:"sv,
             "2024-12-10T10:3"sv,
             "2024-12-10T10:30:"sv,
             "2024-12-10T10:30:5Z"sv,
             "2024-12-10T1:30:05Z"sv,
             "2024-1-10T10:30:05Z"sv,
             "2024-12-1T10:30:05Z"sv,
             "24-12-10T10:30:05Z"sv,
             "2024/12/10T10:30:05Z"sv,
             "2024-12-10_10:30:05Z"sv,
             "2024-12-10  10:30:05Z"sv,
             "2024-12-10T10:30:05ZZ"sv,
             "2024-12-10T10:30:05Z+00"sv,
             "2024-12-10T10:30:05+"sv,
             "2024-12-10T10:30:05+0"sv,
             "2024-12-10T10:30:05+00:"sv,
             "2024-12-10T10:30:05+00:0"sv,
             "2024-12-10T10:30:05+000"sv,
             "2024-12-10T10:30:05+00000"sv,
             "2024-12-10T10:30:05 CET"sv,
             "2024-12-10T10:30:05Zx"sv,
             "2024-12-10T10:30:05Z\0"sv,
             "2024-12-10T10:30:05.-1Z"sv,
             "2024-12-10T-1:30:05Z"sv,
             // RFC 2822
             "Tue 10 Dec 2024 10:30:05 +0000"sv,
             "Tue, 10 Foo 2024 10:30:05 +0000"sv,
             "Tue, Dec 10 2024 10:30:05 +0000"sv,
             "Tue, 10 Dec 24 10:30:05 +0000"sv,
             "Tue, 10 Dec 20240 10:30:05 +0000"sv,
             "Tue, 30 Feb 2024 10:30:05 +0000"sv,
             "Tue, 0 Dec 2024 10:30:05 +0000"sv,
             "Tue, 32 Dec 2024 10:30:05 +0000"sv,
             "Tue, 10 Dec 2024 24:30:05 +0000"sv,
             "Tue, 10 Dec 2024"sv,
             "Tue, 10 Dec 2024 "sv,
             "Tue, 10 Dec 2024 10"sv,
             "Tue, 10 Dec 2024 10:30:05 +00000"sv,
             "Tue, 10 Dec 2024 10:30:05 XYZ"sv,
             "Tue, 10 Dec 2024 10:30:05 +0000 x"sv,
             "Tue,"sv,
             "Tue, "sv,
             "Tuesday"sv,
             "10Dec 2024 10:30:05"sv,
             "10 Dec2024 10:30:05"sv,
             "10 December 2024 10:30:05"sv,
         })
        EXPECT_EQ(parse_event_time(text), std::nullopt) << '"' << text << '"';
    EXPECT_EQ(parse_event_time(std::string_view{}), std::nullopt);
    EXPECT_EQ(parse_event_time(std::string(1'000'000, '9')), std::nullopt);
    EXPECT_EQ(parse_event_time("2024-12-10T10:30:05." + std::string(1'000'000, '1') + "Z"), std::nullopt);
}

TEST(EventTime, Borders) {
    EXPECT_EQ(min_time, utc(1, 1, 1));
    EXPECT_EQ(max_time, utc(10000, 1, 1) - 1);
    EXPECT_TRUE(is_valid_time(min_time));
    EXPECT_TRUE(is_valid_time(max_time));
    EXPECT_FALSE(is_valid_time(min_time - 1));
    EXPECT_FALSE(is_valid_time(max_time + 1));
    EXPECT_FALSE(is_valid_time(std::numeric_limits<EventTime>::min())) << "PostgreSQL's -infinity";
    EXPECT_FALSE(is_valid_time(std::numeric_limits<EventTime>::max())) << "PostgreSQL's infinity";

    EXPECT_EQ(formatted(min_time), "0001-01-01T00:00:00Z");
    EXPECT_EQ(formatted(max_time), "9999-12-31T23:59:59.999999Z");
    EXPECT_EQ(parse_iso8601("0001-01-01T00:00:00Z"), min_time);
    EXPECT_EQ(parse_iso8601("9999-12-31T23:59:59.999999Z"), max_time);
    EXPECT_EQ(parse_iso8601("0001-01-01T01:00:00+01:00"), min_time);
    EXPECT_EQ(parse_iso8601("0001-01-01T00:00:00+00:01"), std::nullopt) << "the year 0 in UTC";
    EXPECT_EQ(parse_iso8601("0001-01-01T00:00:00-00:01"), min_time + 60 * microseconds_per_second);
    EXPECT_EQ(parse_iso8601("9999-12-31T23:59:59-00:01"), std::nullopt) << "the year 10000 in UTC";
    EXPECT_EQ(parse_iso8601("9999-12-31T23:59:60Z"), std::nullopt);
}

TEST(EventTime, Writes) {
    EXPECT_EQ(formatted(moment), "2024-12-10T10:30:05Z");
    EXPECT_EQ(formatted(moment + 250'000), "2024-12-10T10:30:05.25Z");
    EXPECT_EQ(formatted(moment + 1), "2024-12-10T10:30:05.000001Z");
    EXPECT_EQ(formatted(moment + 100'000), "2024-12-10T10:30:05.1Z");
    EXPECT_EQ(formatted(moment + 123'456), "2024-12-10T10:30:05.123456Z");
    EXPECT_EQ(formatted(0), "2000-01-01T00:00:00Z");
    EXPECT_EQ(formatted(-1), "1999-12-31T23:59:59.999999Z");
    EXPECT_EQ(formatted(-microseconds_per_day), "1999-12-31T00:00:00Z");
}

TEST(EventTime, RoundTripOfRandomTimesOfTheWholeRange) {
    WITH_RANDOM(random);
    for (int i = 0; i < 200'000; ++i) {
        const EventTime time = i % 2 == 0 ? random.between(min_time, max_time) : random.time();
        const auto [tm, microsecond] = broken_down(time);
        const std::string text = formatted(time);
        std::string expected = printed("%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                                       tm.tm_hour, tm.tm_min, tm.tm_sec);
        if (microsecond != 0) {
            expected += printed(".%06d", microsecond);
            expected.erase(expected.find_last_not_of('0') + 1);
        }
        ASSERT_EQ(text, expected + "Z");
        ASSERT_EQ(parse_iso8601(text), time) << text;
        ASSERT_EQ(parse_event_time(text), time) << text;
    }
}

// The same moment, written the other ways.
TEST(EventTime, EveryFormOfRandomTimesMeansTheSame) {
    WITH_RANDOM(random);
    const std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (int i = 0; i < 50'000; ++i) {
        const EventTime second =
            random.between(min_time / microseconds_per_second + 86'400, max_time / microseconds_per_second - 86'400);
        const EventTime time = second * microseconds_per_second;
        const int offset = static_cast<int>(random.between(-(15 * 60 + 59), 15 * 60 + 59));
        const std::tm tm = broken_down(time + 60 * microseconds_per_second * offset).tm;
        const int hours = std::abs(offset) / 60;
        const int minutes = std::abs(offset) % 60;
        const char sign = offset < 0 ? '-' : '+';
        const std::string iso = printed("%04d-%02d-%02d %02d:%02d:%02d%c%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                                        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, sign, hours, minutes);
        ASSERT_EQ(parse_event_time(iso), time) << iso;
        const std::string rfc =
            printed("%d %s %04d %02d:%02d:%02d %c%02d%02d", tm.tm_mday, months[static_cast<std::size_t>(tm.tm_mon)],
                    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, sign, hours, minutes);
        ASSERT_EQ(parse_event_time(rfc), time) << rfc;

        const EventTime unix_second = second + seconds_from_1970_to_2000;
        if (unix_second >= 0 && unix_second < 100'000'000'000) {
            ASSERT_EQ(parse_event_time(std::to_string(unix_second)), time);
        }
        if (unix_second >= 100'000'000 && unix_second < 100'000'000'000) {
            ASSERT_EQ(parse_event_time(std::to_string(unix_second) + "123"), time + 123'000);
            ASSERT_EQ(parse_event_time(std::to_string(unix_second) + "123456"), time + 123'456);
        }
    }
}

// Whatever comes in, what is accepted is a valid time, and the reader stays within the text.
TEST(EventTime, RandomTextsNeverGiveAnInvalidTime) {
    WITH_RANDOM(random);
    const std::array<std::string, 5> seeds{"2024-12-10T10:30:05.25+05:30", "Tue, 10 Dec 2024 10:30:05 +0000",
                                           "1733826605.25", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00-15:59"};
    constexpr std::string_view alphabet = "0123456789-+:., TZADec";
    int accepted = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string &start = seeds[static_cast<std::size_t>(random.between(0, std::ssize(seeds) - 1))];
        std::vector<char> text(start.begin(), start.end());
        for (std::int64_t edits = random.between(0, 3); edits > 0; --edits) {
            const auto where = random.between(0, std::ssize(text) - 1);
            const char c = alphabet[static_cast<std::size_t>(random.between(0, std::ssize(alphabet) - 1))];
            if (random.between(0, 2) == 0)
                text.erase(text.begin() + where);
            else if (random.between(0, 1) == 0)
                text.insert(text.begin() + where, c);
            else
                text[static_cast<std::size_t>(where)] = c;
        }
        text.shrink_to_fit();
        const std::optional<EventTime> time = parse_event_time({text.data(), text.size()});
        if (time) {
            ++accepted;
            ASSERT_TRUE(is_valid_time(*time)) << std::string(text.begin(), text.end());
        }
    }
    EXPECT_GT(accepted, 20'000) << "too few texts were valid for this test to mean anything";
}

} // namespace
