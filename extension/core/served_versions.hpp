// Which versions of the extension's SQL, and of the tables that install() made, this library works with.
//
// Library, extension and tables get to a new version one after the other: the library by `make install`, the extension
// by ALTER EXTENSION UPDATE, the tables by install(). Webhooks come all the while. So a library serves the series
// before its own, too: a column or function that a new series adds must be one that its library can do without until
// install().
#pragma once

#include <array>
#include <charconv>
#include <string_view>

namespace msgstatus {

// A series is what the first two numbers of a version tell. Within one, neither tables nor functions change what they
// mean. A release that begins a series adds it here, and drops those before the last.
inline constexpr std::array<std::string_view, 1> served_series{"0.1"};

constexpr std::string_view series_of(std::string_view version) {
    const std::size_t first = version.find('.');
    return first == version.npos ? version : version.substr(0, version.find('.', first + 1));
}

constexpr bool is_served(std::string_view version) {
    for (const std::string_view series : served_series)
        if (series_of(version) == series)
            return true;
    return false;
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
