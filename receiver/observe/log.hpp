// Structured logs: one event a line, as key=value pairs or as JSON. Who calls masks what may hold a phone number;
// secrets and bodies are never passed here.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace msgstatus::receiver {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { logfmt, json };

/// One key and its value; text is quoted where the format asks for it, numbers are not.
struct LogField {
    LogField(std::string_view key_, std::string_view value_) : key(key_), text(value_) {}
    template <std::integral Number>
    LogField(std::string_view key_, Number value_) : key(key_), text(std::to_string(value_)), number(true) {}

    std::string_view key;
    std::string text;
    bool number = false;
};

/// Sends the log to standard error, from the given level up.
void start_log(LogLevel level, LogFormat format);

/// Returns whether events of a level are written: ask before logging on a path that every request takes.
bool log_enabled(LogLevel level);

/// Writes one event: when, how grave, what (a short fixed text), and its fields. If nobody reads standard error and its
/// pipe is full, the line is dropped and counted: the program must not wait for its log.
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

/// Returns how many lines were dropped.
std::uint64_t dropped_log_lines();

/// Returns the line that log writes after time and level.
std::string format_log_line(LogFormat format, std::string_view event, std::initializer_list<LogField> fields);

/// LogLimiter lets one event a second through and counts the rest, so that a flood of bad requests or a database in
/// trouble cannot fill the disk.
class LogLimiter {
public:
    /// Returns whether to log now.
    bool admit() {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::seconds(1)) {
            ++suppressed_;
            return false;
        }
        last_ = now;
        return true;
    }

    /// Returns how many events were kept back since the last one logged, and starts over.
    std::uint64_t take_suppressed() { return std::exchange(suppressed_, 0); }

private:
    std::chrono::steady_clock::time_point last_{};
    std::uint64_t suppressed_ = 0;
};

/// Returns the text of somebody else's message as it may be logged, with at most `limit` bytes. Of every run of seven
/// or more digits, the first two and last two are left, the rest is `*` (spaces, dots, dashes and parentheses within a
/// number do not hide it); every WhatsApp message id (`wamid.`, base64 of a phone number among others) becomes
/// `wamid.*`, and every mail address `*@*`.
std::string mask_personal_data(std::string_view text, std::size_t limit = 300);

} // namespace msgstatus::receiver
