// Twilio's API, as far as this program asks it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "refresh/metrics.hpp"
#include "refresh/shared.hpp"

namespace msgstatus::refresh {

/// What came of a request.
struct Answer {
    Result result = Result::connection;
    std::string body;   ///< of a 200
    std::string reason; ///< in few words, without anything that Twilio said, if the result is not ok
    long status = 0;    ///< of HTTP; 0: there was none
    std::optional<std::chrono::seconds> retry_after;
};

/// Twilio sends one request at a time over one connection that it keeps. It speaks https alone, follows no redirect,
/// and reads at most so much.
class Twilio {
public:
    explicit Twilio(Shared &shared);

    /// Asks for one message.
    Answer fetch(std::string_view account, std::string_view message);

    /// Asks for a page of a list.
    /// @param path  list_path(), or what next_page() returned
    Answer list(const std::string &path);

private:
    Answer get(const std::string &path, std::size_t limit);
    static std::size_t take(char *data, std::size_t size, std::size_t count, void *user);
    static int watch(void *user, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

    Shared &shared_;
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_{curl_easy_init(), curl_easy_cleanup};
    std::string body_;
    std::size_t limit_ = 0;
    bool too_large_ = false;
};

std::string message_path(std::string_view account, std::string_view message);

/// Returns the path of the list of messages sent from one day to another one, both included (YYYY-MM-DD, UTC).
std::string list_path(std::string_view account, std::string_view from, std::string_view to = "");

/// Returns whether a path that Twilio gave for the next page is one of the same list.
bool is_list_path(std::string_view account, std::string_view path);

} // namespace msgstatus::refresh
