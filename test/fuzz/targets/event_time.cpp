// Event times: whatever is read is within range, and what is written is read back as it was.
#include "core/event_time.hpp"

#include <array>
#include <ctime>
#include <string>

#include "support/fuzz.hpp"

using namespace msgstatus;

namespace {

constexpr EventTime unix_epoch = -946'684'800 * microseconds_per_second;

std::string written(EventTime time) {
    std::array<char, max_iso8601_size> out{};
    const std::size_t size = format_iso8601(time, out.data());
    FUZZ_CHECK(size <= out.size());
    return {out.data(), size};
}

void check_written_form(EventTime time) {
    const std::string text = written(time);
    FUZZ_CHECK(parse_iso8601(text) == time);
    FUZZ_CHECK(parse_event_time(text) == time);
    FUZZ_CHECK(!parse_unix_time(text) && !parse_rfc2822(text));

    // The C library's own calendar.
    const EventTime since_1970 = time - unix_epoch;
    const EventTime seconds = since_1970 >= 0
                                  ? since_1970 / microseconds_per_second
                                  : -((-since_1970 + microseconds_per_second - 1) / microseconds_per_second);
    const std::time_t clock = seconds;
    std::tm parts{};
    gmtime_r(&clock, &parts);
    std::array<char, 64> expected{};
    std::snprintf(expected.data(), expected.size(), "%04d-%02d-%02dT%02d:%02d:%02d", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    FUZZ_CHECK(text.starts_with(expected.data()));

    // RFC 2822 knows whole seconds only.
    std::array<char, 64> mail{};
    FUZZ_CHECK(std::strftime(mail.data(), mail.size(), "%a, %d %b ", &parts) > 0);
    std::array<char, 64> rest{};
    std::snprintf(rest.data(), rest.size(), "%04d %02d:%02d:%02d +0000", parts.tm_year + 1900, parts.tm_hour,
                  parts.tm_min, parts.tm_sec);
    FUZZ_CHECK(parse_event_time(std::string(mail.data()) + rest.data()) ==
               seconds * microseconds_per_second + unix_epoch);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    for (const auto parse : {parse_iso8601, parse_rfc2822, parse_unix_time, parse_event_time}) {
        if (const auto time = parse(text)) {
            FUZZ_CHECK(is_valid_time(*time));
            FUZZ_CHECK(parse_event_time(text) == time);
            check_written_form(*time);
        }
    }
    FUZZ_CHECK(parse_event_time("\t " + std::string(text) + "\r\n") == parse_event_time(text));

    const std::uint64_t number = fuzz::Input(text).number();
    check_written_form(min_time + static_cast<EventTime>(number % static_cast<std::uint64_t>(max_time - min_time + 1)));
    // Numbers from 0 on have one meaning each; seconds beyond the year 5138 would be milliseconds.
    const auto whole = static_cast<EventTime>(number % 100'000'000'000);
    FUZZ_CHECK(parse_unix_time(std::to_string(whole)) == whole * microseconds_per_second + unix_epoch);
    return 0;
}
