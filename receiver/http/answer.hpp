// Answers and their bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// An answer before it is written. The texts without an owner are literals or live as long as the program.
struct Answer {
    unsigned status = 200;
    std::string_view content_type; ///< empty with an empty body
    std::string_view fixed_body;   ///< the body, if `body` is empty
    std::string body;
    std::string_view extra_headers; ///< whole lines, each ending in CRLF
    unsigned retry_after = 0;       ///< seconds; 0: not told
    bool close = false;             ///< close the connection after it

    std::string_view text() const noexcept { return body.empty() ? fixed_body : std::string_view(body); }
};

/// error_answer does make `{"status": "error", "message": "..."}`.
/// @param extra_headers  whole lines, each ending in CRLF, that live as long as the program
Answer error_answer(unsigned status, std::string_view message, std::string_view extra_headers = {});

/// processed_answer does make the 200 of a webhook: `{"status": "success", "processed": n}`, or "partial_success".
Answer processed_answer(bool partial, unsigned long processed);

/// too_many_answer does make the 429 with Retry-After.
Answer too_many_answer(std::string_view message, unsigned retry_after);

/// unavailable_answer does make the 503 with Retry-After.
Answer unavailable_answer(std::string_view message);

/// How to write an answer: what the request and the connection ask for.
struct AnswerForm {
    bool keep_alive = true;
    bool head = false;            ///< answer to HEAD: no body, but its length
    int version = 11;             ///< of the request
    std::string_view date_header; ///< whole line with CRLF
    std::string_view request_id;  ///< for X-Request-Id
};

/// append_answer does append the bytes of an answer.
void append_answer(std::string &out, const Answer &answer, const AnswerForm &form);

} // namespace msgstatus::receiver
