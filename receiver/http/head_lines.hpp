// Line ends of a request's head, more strictly than Beast takes them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace msgstatus::receiver {

/// HeadLines does look at the lines of one head before they are parsed: each must end in CRLF, with no other CR in it,
/// and none may continue the one before (RFC 9112, sections 2.2 and 5.2). What one program takes for two lines and
/// another for one is how requests are smuggled past a proxy.
class HeadLines {
public:
    /// check does look at what has arrived.
    /// @param unparsed  from the first byte that the parser has not consumed
    /// @return false if the request must be refused
    bool check(std::string_view unparsed) noexcept;

    /// parsed does tell how much the parser has consumed since the last check.
    void parsed(std::size_t bytes) noexcept { checked_ -= std::min(bytes, checked_); }

private:
    std::size_t checked_ = 0; ///< bytes of whole lines at the front of what is not parsed
    bool first_line_ = true;
    bool complete_ = false; ///< the empty line that ends the head was there
};

/// has_bare_line_feed does tell whether an LF stands there without a CR before it.
bool has_bare_line_feed(std::string_view text) noexcept;

} // namespace msgstatus::receiver
