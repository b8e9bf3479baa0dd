// Answers and their bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/net.hpp"

namespace msgstatus::receiver {

struct Request;

/// A body that is made while it is sent, a piece at a time; the next one is asked for when the client has taken the
/// last.
class BodySource {
public:
    virtual ~BodySource() = default;

    /// Returns the next piece, empty at the end.
    /// @throws std::exception if there is no more though the body is not complete: the connection is then broken off
    virtual Awaitable<std::string> next() = 0;
};

/// An answer before it is written. The texts without an owner are literals or live as long as the program.
struct Answer {
    unsigned status = 200;
    std::string_view content_type; ///< empty with an empty body
    std::string body;
    std::shared_ptr<BodySource> source; ///< in place of the body
    std::string headers;                ///< whole lines, each ending in CRLF
    std::string_view extra_headers;     ///< whole lines, each ending in CRLF
    unsigned retry_after = 0;           ///< seconds; 0: without the header
    std::string_view reason;            ///< of a 503, for the metrics
    bool close = false;                 ///< close the connection after it
};

/// Returns an answer whose body is JSON.
Answer json_answer(std::string body);

/// Returns `{"status": "error", "message": "..."}`.
/// @param extra_headers  whole lines, each ending in CRLF, that live as long as the program
Answer error_answer(unsigned status, std::string_view message, std::string_view extra_headers = {});

/// Returns the 503 with Retry-After.
/// @param reason  memory, queue, database, spool, timeout or stopping
Answer unavailable_answer(std::string_view reason, std::string_view message);

/// Returns the bytes of an answer to a request.
std::string answer_bytes(const Answer &answer, const Request &request, bool keep_alive);

} // namespace msgstatus::receiver
