#include "observe/log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <mutex>

#include <poll.h>
#include <unistd.h>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};
// Where a pipe takes something at all, it takes so much at once (PIPE_BUF of Linux).
constexpr std::size_t longest_line = 4096;

struct Log {
    bool started = false;
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::logfmt;
    std::uint64_t dropped = 0;
    std::uint64_t dropped_told = 0;
};
Log the_log;
std::mutex one_line; // at a time; msgstatus-refresh logs from several threads

// Of text that is not UTF-8 only the ASCII is shown: neither format has a way to write the rest.
std::string in_utf8(std::string_view given) {
    std::string text(given);
    if (!is_utf8(text))
        std::replace_if(
            text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7f; }, '?');
    return text;
}

bool needs_quotes(std::string_view text) {
    return text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
               return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f;
           });
}

void append_field(std::string &line, LogFormat format, const LogField &field) {
    const bool json = format == LogFormat::json;
    if (json)
        line.append(line.empty() ? "\"" : ",\"").append(field.key).append("\":");
    else
        line.append(line.empty() ? "" : " ").append(field.key).append("=");
    const std::string text = in_utf8(field.text);
    line += !field.number && (json || needs_quotes(text)) ? json_string(text) : text;
}

// Returns the line of an event, time and level included.
std::string line_of(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    using namespace std::chrono;
    const auto now = time_point_cast<milliseconds>(system_clock::now());
    const std::time_t seconds = system_clock::to_time_t(now);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> time{};
    const std::size_t length = std::strftime(time.data(), time.size(), "%FT%T", &parts);
    const auto thousandths = static_cast<int>(now.time_since_epoch().count() % 1000);
    std::snprintf(time.data() + length, time.size() - length, ".%03dZ", thousandths);
    std::string line;
    append_field(line, the_log.format, {"ts", time.data()});
    append_field(line, the_log.format, {"level", level_names[static_cast<std::size_t>(level)]});
    const bool json = the_log.format == LogFormat::json;
    return (json ? "{" : "") + line + (json ? "," : " ") + format_log_line(the_log.format, event, fields) +
           (json ? "}\n" : "\n");
}

bool write_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    std::string line = line_of(level, event, fields);
    if (line.size() > longest_line) // no field is so long, but the settings of an operator may be
        line = line_of(level, event, {{"reason", "the line is too long"}});
    pollfd writable{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    return poll(&writable, 1, 0) == 1 && write(STDERR_FILENO, line.data(), line.size()) >= 0;
}

constexpr std::ptrdiff_t fewest_digits = 7; // E.164 numbers in use have at least so many
constexpr std::string_view wamid = "wamid.";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_one_of(char c, std::string_view others) noexcept { // letters, digits or others
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || others.find(c) != std::string_view::npos;
}
bool is_base64(char c) noexcept {
    return is_one_of(c, "+/=_-");
}
bool is_of_mail(char c) noexcept {
    return is_one_of(c, ".!#$%&'*+/=?^_`{|}~-") || static_cast<unsigned char>(c) > 0x7f;
}

// Returns the number that the text begins with, its digits at most two separators apart.
std::string_view number_at(std::string_view text) noexcept {
    std::size_t end = 0;
    for (std::size_t i = 0; i < text.size() && i - end <= 2; ++i) {
        if (is_digit(text[i]))
            end = i + 1;
        else if (std::string_view(" .-()").find(text[i]) == std::string_view::npos)
            break;
    }
    return text.substr(0, end);
}

} // namespace

void start_log(LogLevel level, LogFormat format) {
    the_log.started = true;
    the_log.level = level;
    the_log.format = format;
}

std::string format_log_line(LogFormat format, std::string_view event, std::initializer_list<LogField> fields) {
    std::string line;
    append_field(line, format, {"event", event});
    for (const LogField &field : fields)
        append_field(line, format, field);
    return line;
}

bool log_enabled(LogLevel level) {
    return the_log.started && level >= the_log.level;
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    if (!log_enabled(level))
        return;
    const std::lock_guard lock(one_line);
    if (the_log.dropped > the_log.dropped_told &&
        write_line(LogLevel::warning, "log lines dropped", {{"count", the_log.dropped - the_log.dropped_told}}))
        the_log.dropped_told = the_log.dropped;
    if (!write_line(level, event, fields))
        ++the_log.dropped;
}

std::uint64_t dropped_log_lines() {
    return the_log.dropped;
}

std::string mask_personal_data(std::string_view text, std::size_t limit) {
    std::string out;
    while (!text.empty()) {
        std::size_t read = 1;
        if (text.starts_with(wamid)) {
            out.append(wamid).append("*");
            read = static_cast<std::size_t>(std::find_if_not(text.begin() + wamid.size(), text.end(), is_base64) -
                                            text.begin());
        } else if (text.front() == '@' && !out.empty() && is_of_mail(out.back())) {
            out.erase(std::find_if_not(out.rbegin(), out.rend(), is_of_mail).base(), out.end());
            out += "*@*";
            read = static_cast<std::size_t>(std::find_if_not(text.begin() + 1, text.end(), is_of_mail) - text.begin());
        } else if (is_digit(text.front())) {
            const std::string_view number = number_at(text);
            const auto digits = std::count_if(number.begin(), number.end(), is_digit);
            for (std::ptrdiff_t seen = 0; const char c : number) {
                const bool shown = !is_digit(c) || digits < fewest_digits || ++seen <= 2 || seen > digits - 2;
                out += shown ? c : '*';
            }
            read = number.size();
        } else {
            out += text.front();
        }
        text.remove_prefix(read);
    }
    if (out.size() > limit)
        out.replace(limit, std::string::npos, "...");
    return out;
}

} // namespace msgstatus::receiver
