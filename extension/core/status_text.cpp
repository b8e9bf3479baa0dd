#include "core/status_text.hpp"

#include <cstring>
#include <optional>

#include "core/ascii.hpp"

namespace msgstatus {
namespace {

char *append(char *out, std::string_view text) noexcept {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

void skip_spaces(std::string_view &rest) noexcept {
    while (!rest.empty() && is_space(rest.front()))
        rest.remove_prefix(1);
}

bool take(std::string_view &rest, char c) noexcept {
    skip_spaces(rest);
    if (rest.empty() || rest.front() != c)
        return false;
    rest.remove_prefix(1);
    return true;
}

std::optional<std::string_view> take_string(std::string_view &rest) noexcept {
    if (!take(rest, '"'))
        return std::nullopt;
    const std::size_t end = rest.find_first_of("\"\\");
    if (end == std::string_view::npos || rest[end] != '"')
        return std::nullopt;
    const std::string_view content = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return content;
}

} // namespace

std::size_t format_status(const Status &status, char *out) noexcept {
    char *p = out;
    *p++ = '{';
    for (std::size_t i = 0; i < state_count; ++i) {
        const auto state = static_cast<DeliveryState>(i);
        const auto time = observed_at(status, state);
        if (!time)
            continue;
        if (p != out + 1)
            p = append(p, ", ");
        *p++ = '"';
        p = append(p, state_name(state));
        p = append(p, "\": \"");
        p += format_iso8601(*time, p);
        *p++ = '"';
    }
    *p++ = '}';
    return static_cast<std::size_t>(p - out);
}

ParsedStatus parse_status(std::string_view text) noexcept {
    ParsedStatus parsed;
    const auto fail = [&](StatusTextError error, std::string_view culprit) {
        parsed.error = error;
        parsed.culprit = culprit;
        return parsed;
    };
    std::string_view rest = text;
    if (!take(rest, '{'))
        return fail(StatusTextError::syntax, text);
    if (!take(rest, '}')) {
        do {
            const auto label = take_string(rest);
            if (!label || !take(rest, ':'))
                return fail(StatusTextError::syntax, text);
            const auto time_text = take_string(rest);
            if (!time_text)
                return fail(StatusTextError::syntax, text);
            const auto state = parse_state(*label);
            if (!state)
                return fail(StatusTextError::unknown_state, *label);
            const auto time = parse_iso8601(*time_text);
            if (!time)
                return fail(StatusTextError::bad_time, *time_text);
            observe(parsed.status, *state, *time);
        } while (take(rest, ','));
        if (!take(rest, '}'))
            return fail(StatusTextError::syntax, text);
    }
    skip_spaces(rest);
    if (!rest.empty())
        return fail(StatusTextError::syntax, text);
    return parsed;
}

} // namespace msgstatus
