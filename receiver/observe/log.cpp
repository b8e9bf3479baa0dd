#include "observe/log.hpp"

#include <algorithm>
#include <array>
#include <ctime>

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

std::string beginning_of_line(LogLevel level) {
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> time{};
    std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const auto since_1970 = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    const std::string milliseconds = std::to_string(1000 + since_1970 % 1000).substr(1);
    const std::string_view name = level_names[static_cast<std::size_t>(level)];
    if (the_log.format == LogFormat::json)
        return std::string(R"({"ts":")") + time.data() + "." + milliseconds + R"(Z","level":")" + std::string(name) +
               "\",";
    return std::string("ts=") + time.data() + "." + milliseconds + "Z level=" + std::string(name) + " ";
}

bool write_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    std::string line = beginning_of_line(level) + format_log_line(the_log.format, event, fields);
    const std::string_view end = the_log.format == LogFormat::json ? "}\n" : "\n";
    if (line.size() + end.size() > longest_line) // no field is so long, but the settings of an operator may be
        line = beginning_of_line(level) + format_log_line(the_log.format, event, {{"reason", "the line is too long"}});
    line += end;
    pollfd writable{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    return poll(&writable, 1, 0) == 1 && write(STDERR_FILENO, line.data(), line.size()) >= 0;
}

constexpr std::size_t fewest_digits = 7; // E.164 numbers in use have at least so many
constexpr std::string_view wamid = "wamid.";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_separator(char c) noexcept {
    return c == ' ' || c == '.' || c == '-' || c == '(' || c == ')';
}
bool is_base64(char c) noexcept {
    return is_digit(c) || is_letter(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
}
bool is_of_mail(char c) noexcept {
    return is_digit(c) || is_letter(c) || std::string_view(".!#$%&'*+/=?^_`{|}~-").find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) > 0x7f;
}

// Returns where the number that starts at `begin` ends, at most one separator between two digits, and counts its
// digits.
std::size_t number_end(std::string_view text, std::size_t begin, std::size_t &digits) noexcept {
    std::size_t end = begin;
    digits = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
        if (is_digit(text[i])) {
            ++digits;
            end = i + 1;
        } else if (!is_separator(text[i]) || i - end >= 2) {
            break;
        }
    }
    return end;
}

} // namespace

void start_log(LogLevel level, LogFormat format) {
    the_log.started = true;
    the_log.level = level;
    the_log.format = format;
}

std::string format_log_line(LogFormat format, std::string_view event, std::initializer_list<LogField> fields) {
    const bool json = format == LogFormat::json;
    const auto shown = [json](std::string_view given) {
        std::string text = in_utf8(given);
        return json || needs_quotes(text) ? json_string(text) : text;
    };
    std::string line = json ? "\"event\":" : "event=";
    line += shown(event);
    for (const LogField &field : fields) {
        line.append(json ? ",\"" : " ").append(field.key).append(json ? "\":" : "=");
        line += field.number ? field.text : shown(field.text);
    }
    return line;
}

bool log_enabled(LogLevel level) {
    return the_log.started && level >= the_log.level;
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    if (!log_enabled(level))
        return;
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
    for (std::size_t i = 0; i < text.size();) {
        if (text.substr(i).starts_with(wamid)) {
            out.append(wamid).push_back('*');
            i += wamid.size();
            while (i < text.size() && is_base64(text[i]))
                ++i;
            continue;
        }
        if (text[i] == '@' && !out.empty() && is_of_mail(out.back())) {
            while (!out.empty() && is_of_mail(out.back()))
                out.pop_back();
            out += "*@*";
            for (++i; i < text.size() && is_of_mail(text[i]);)
                ++i;
            continue;
        }
        if (!is_digit(text[i])) {
            out.push_back(text[i++]);
            continue;
        }
        std::size_t digits = 0;
        const std::size_t end = number_end(text, i, digits);
        for (std::size_t seen = 0; i < end; ++i) {
            const bool shown = !is_digit(text[i]) || digits < fewest_digits || ++seen <= 2 || seen > digits - 2;
            out.push_back(shown ? text[i] : '*');
        }
    }
    if (out.size() > limit) {
        out.resize(limit);
        out += "...";
    }
    return out;
}

} // namespace msgstatus::receiver
