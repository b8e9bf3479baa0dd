// Which versions of the extension's SQL, and of the tables that install() made, this library works with.
//
// The library's file carries its series in its name, and the SQL of a series calls the library of its own. So the SQL
// is of this series whenever a function of this library runs, unless somebody gave a file another name. The tables may
// be of the series before, until install(): a call then raises, and the receiver keeps its webhooks. See
// docs/decisions/0025-a-library-for-each-series.md.
#pragma once

#include <array>
#include <charconv>
#include <string_view>

namespace msgstatus {

// A series is what the first two numbers of a version tell. Within one, neither tables nor functions change what they
// mean. A release that begins a series names it here.
inline constexpr std::string_view served_series = "0.2";

constexpr std::string_view series_of(std::string_view version) {
    const std::size_t first = version.find('.');
    return first == version.npos ? version : version.substr(0, version.find('.', first + 1));
}

constexpr bool is_served(std::string_view version) {
    return series_of(version) == served_series;
}

// Returns whether a version comes after another; one without numbers comes first.
inline bool is_later(std::string_view version, std::string_view other) {
    const auto numbers = [](std::string_view text) {
        std::array<int, 3> found{};
        const char *const end = text.data() + text.size();
        const char *next = text.data();
        for (int &number : found) {
            const std::from_chars_result read = std::from_chars(next, end, number);
            if (read.ec != std::errc() || read.ptr == end)
                break;
            next = read.ptr + 1;
        }
        return found;
    };
    return numbers(version) > numbers(other);
}

} // namespace msgstatus
