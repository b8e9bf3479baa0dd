// Reading a stream of HTTP responses as strictly as a client may.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "support/fuzz.hpp"

namespace msgstatus::fuzz {

inline constexpr std::string_view status_line_begin = "HTTP/1.1 ";
inline constexpr std::string_view interim_response = "HTTP/1.1 100 Continue\r\n\r\n";

// Removes each "100 Continue", which a client gets or not depending on when its body
// comes.
inline std::string without_interim_responses(std::string_view responses) {
    std::string out(responses);
    for (std::size_t at = 0; (at = out.find(interim_response, at)) != std::string::npos;)
        out.erase(at, interim_response.size());
    return out;
}

// Removes what differs between like requests.
inline std::string without_ids(std::string out) {
    constexpr std::string_view name = "X-Request-Id: ";
    for (std::size_t at = 0; (at = out.find(name, at)) != std::string::npos;)
        out.erase(at, out.find('\n', at) - at);
    return out;
}

// Reads a header line without its end; it may hold no control character.
inline std::string_view take_line(std::string_view &rest) {
    const std::size_t end = rest.find("\r\n");
    FUZZ_CHECK(end != std::string_view::npos);
    const std::string_view line = rest.substr(0, end);
    FUZZ_CHECK(std::none_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }));
    rest.remove_prefix(end + 2);
    return line;
}

// Checks that the bytes are complete responses with exactly these statuses, and nothing more.
inline void check_responses(std::string_view bytes, const std::vector<unsigned> &statuses) {
    const std::string responses = without_interim_responses(bytes);
    std::string_view rest = responses;
    bool closed = false;
    for (const unsigned status : statuses) {
        FUZZ_CHECK(!closed);
        const std::string_view status_line = take_line(rest);
        FUZZ_CHECK(status_line.starts_with(std::string(status_line_begin) + std::to_string(status) + " "));
        FUZZ_CHECK(status >= 200 && status < 600 && status != 410);
        std::size_t length = 0;
        for (std::string_view line; !(line = take_line(rest)).empty();) {
            const std::size_t colon = line.find(": ");
            FUZZ_CHECK(colon != std::string_view::npos && colon > 0);
            if (line.starts_with("Content-Length: "))
                length = std::stoul(std::string(line.substr(colon + 2)));
            closed = closed || line == "Connection: close";
        }
        // The answer to HEAD has a length and no body: then another response follows at once, or nothing.
        const bool has_body =
            rest.size() == length || (rest.size() > length && rest.substr(length).starts_with(status_line_begin));
        FUZZ_CHECK(has_body || rest.empty() || rest.starts_with(status_line_begin));
        rest.remove_prefix(has_body ? length : 0);
    }
    FUZZ_CHECK(rest.empty());
}

} // namespace msgstatus::fuzz
