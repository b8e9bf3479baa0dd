// Where requests begin and end, written down a second time from RFC 9112 and as strictly as it allows: nothing that two
// programs on the way could read in two ways is a request here.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/sign.hpp"

namespace msgstatus::fuzz {

class Framing {
public:
    explicit Framing(std::string_view bytes) noexcept : rest_(bytes) {}

    // Returns the bodies of the requests up to the first request that is incomplete or ambiguous.
    std::vector<std::string> bodies() {
        std::vector<std::string> found;
        while (auto body = request())
            found.push_back(std::move(*body));
        return found;
    }

private:
    struct Head {
        std::optional<std::string> length;
        std::optional<std::string> coding;
        bool http_1_1 = false;
    };

    // Without its CRLF, which is the only place where CR or LF may stand.
    std::optional<std::string_view> line() noexcept {
        const std::size_t end = rest_.find("\r\n");
        if (end == std::string_view::npos)
            return std::nullopt;
        const std::string_view line = rest_.substr(0, end);
        if (line.find_first_of("\r\n") != std::string_view::npos)
            return std::nullopt;
        rest_.remove_prefix(end + 2);
        return line;
    }

    std::optional<std::string> request() {
        while (rest_.starts_with("\r\n"))
            rest_.remove_prefix(2);
        Head head;
        if (!request_line(head) || !fields(&head))
            return std::nullopt;
        if (head.length && head.coding)
            return std::nullopt;
        if (head.coding)
            return head.http_1_1 && lower_case(*head.coding) == "chunked" ? chunks() : std::nullopt;
        return sized(head.length.value_or("0"), 10);
    }

    bool request_line(Head &head) {
        const auto text = line();
        if (!text)
            return false;
        const std::size_t first = text->find(' ');
        const std::size_t last = text->rfind(' ');
        if (first == std::string_view::npos || first == 0 || last <= first + 1)
            return false;
        const std::string_view target = text->substr(first + 1, last - first - 1);
        const std::string_view version = text->substr(last + 1);
        head.http_1_1 = version == "HTTP/1.1";
        return is_token(text->substr(0, first)) && target.find_first_of(" \t") == std::string_view::npos &&
               (head.http_1_1 || version == "HTTP/1.0");
    }

    // Up to the empty line. The fields of a trailer mean nothing, so one may also go on in a second line.
    bool fields(Head *head) {
        for (bool first = true;; first = false) {
            const auto text = line();
            if (!text)
                return false;
            if (text->empty())
                return true;
            if (head == nullptr && !first && (text->front() == ' ' || text->front() == '\t'))
                continue;
            const std::size_t colon = text->find(':');
            if (colon == std::string_view::npos || !is_token(text->substr(0, colon)))
                return false;
            const std::string name = lower_case(text->substr(0, colon));
            if (head != nullptr && !note(*head, name, trim(text->substr(colon + 1))))
                return false;
        }
    }

    static bool note(Head &head, std::string_view name, std::string_view value) {
        if (name != "content-length" && name != "transfer-encoding")
            return true;
        std::optional<std::string> &field = name == "content-length" ? head.length : head.coding;
        if (field)
            return false; // twice
        field = value;
        return true;
    }

    std::optional<std::string> sized(std::string_view size, int base) {
        std::uint64_t bytes = 0;
        const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), bytes, base);
        if (error != std::errc{} || end != size.data() + size.size() || bytes > rest_.size())
            return std::nullopt;
        std::string body(rest_.substr(0, bytes));
        rest_.remove_prefix(bytes);
        return body;
    }

    std::optional<std::string> chunks() {
        std::string body;
        for (;;) {
            const auto text = line();
            if (!text)
                return std::nullopt;
            const auto chunk = sized(trim(text->substr(0, text->find(';'))), 16);
            if (!chunk)
                return std::nullopt;
            if (chunk->empty())
                return fields(nullptr) ? std::optional(body) : std::nullopt;
            if (!rest_.starts_with("\r\n"))
                return std::nullopt;
            rest_.remove_prefix(2);
            body += *chunk;
        }
    }

    static bool is_token(std::string_view text) noexcept {
        return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
            constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   marks.find(c) != std::string_view::npos;
        });
    }

    static std::string_view trim(std::string_view text) noexcept {
        const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
        text.remove_prefix(begin);
        return text.substr(0, text.find_last_not_of(" \t") + 1);
    }

    std::string_view rest_;
};

} // namespace msgstatus::fuzz
