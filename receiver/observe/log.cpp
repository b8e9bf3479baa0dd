#include "observe/log.hpp"

#include <algorithm>
#include <memory>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "webhook/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

struct Log {
    std::shared_ptr<spdlog::logger> logger;
    LogFormat format = LogFormat::logfmt;
};

Log &the_log() {
    static Log log;
    return log;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
    case LogLevel::debug:
        return spdlog::level::debug;
    case LogLevel::info:
        return spdlog::level::info;
    case LogLevel::warning:
        return spdlog::level::warn;
    case LogLevel::error:
        break;
    }
    return spdlog::level::err;
}

// Of text that is not UTF-8 only the ASCII is shown: neither format has a way to write the rest.
std::string in_utf8(std::string_view given) {
    std::string text(given);
    if (!is_utf8(text))
        std::replace_if(
            text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7f; }, '?');
    return text;
}

std::string in_quotes(std::string_view text) {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return {buffer.GetString(), buffer.GetSize()};
}

bool needs_quotes(std::string_view text) {
    if (text.empty())
        return true;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return true;
    }
    return false;
}

} // namespace

void start_log(LogLevel level, LogFormat format) {
    Log &log = the_log();
    log.logger = std::make_shared<spdlog::logger>("msgstatus", std::make_shared<spdlog::sinks::stderr_sink_st>());
    log.logger->set_level(spdlog_level(level));
    log.logger->flush_on(spdlog::level::debug);
    log.format = format;
    if (format == LogFormat::json)
        log.logger->set_pattern(R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
    else
        log.logger->set_pattern("ts=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
}

std::string format_log_line(LogFormat format, std::string_view event, std::initializer_list<LogField> fields) {
    const bool json = format == LogFormat::json;
    const auto shown = [json](std::string_view given) {
        std::string text = in_utf8(given);
        return json || needs_quotes(text) ? in_quotes(text) : text;
    };
    std::string line = json ? "\"event\":" : "event=";
    line += shown(event);
    for (const LogField &field : fields) {
        if (json)
            line.append(",\"").append(field.key).append("\":");
        else
            line.append(" ").append(field.key).append("=");
        line += field.number ? field.text : shown(field.text);
    }
    return line;
}

bool log_enabled(LogLevel level) {
    const Log &log = the_log();
    return log.logger && log.logger->should_log(spdlog_level(level));
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    if (!log_enabled(level))
        return;
    const Log &log = the_log();
    const std::string line = format_log_line(log.format, event, fields);
    log.logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

} // namespace msgstatus::receiver
