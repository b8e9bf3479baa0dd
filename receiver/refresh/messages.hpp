// The JSON of Twilio's answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msgstatus::refresh {

/// Returns whether a body is the message of that id, and so can be applied as it is.
bool is_message(const std::string &body, std::string_view sid);

/// A page of a list.
struct Page {
    std::vector<std::string> sids;
    std::vector<std::string> bodies; ///< of each, as JSON
    std::string next;                ///< path of the next page; empty: this was the last
};

/// Returns the messages of a page, or nothing if the body is none. What has no id of a message is left out.
std::optional<Page> read_page(const std::string &body);

} // namespace msgstatus::refresh
