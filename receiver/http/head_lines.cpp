#include "http/head_lines.hpp"

namespace msgstatus::receiver {

bool HeadLines::check(std::string_view unparsed) noexcept {
    while (!complete_) {
        const std::string_view rest = unparsed.substr(checked_);
        const std::size_t feed = rest.find('\n');
        if (feed == std::string_view::npos)
            return true; // an unfinished line is looked at when it is whole
        if (feed == 0 || rest.find('\r') != feed - 1)
            return false;
        if (!first_line_ && (rest.front() == ' ' || rest.front() == '\t'))
            return false;
        first_line_ = false;
        complete_ = feed == 1;
        checked_ += feed + 1;
    }
    return true;
}

bool has_bare_line_feed(std::string_view text) noexcept {
    for (std::size_t feed = text.find('\n'); feed != std::string_view::npos; feed = text.find('\n', feed + 1)) {
        if (feed == 0 || text[feed - 1] != '\r')
            return true;
    }
    return false;
}

} // namespace msgstatus::receiver
