#include "http/answer.hpp"

#include <array>
#include <ctime>
#include <ostream> // Boost 1.74 forgets it
#include <utility>

#include <boost/beast/http/status.hpp>

#include "base/text_codec.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {
namespace {

// Returns the header line of the present second.
const std::string &date_header() {
    static std::time_t second = 0;
    static std::string header;
    const std::time_t now = std::time(nullptr);
    if (now != second) {
        std::tm parts{};
        gmtime_r(&now, &parts);
        std::array<char, 64> text{};
        std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
        header = text.data();
        second = now;
    }
    return header;
}

} // namespace

Answer json_answer(std::string body) {
    Answer answer;
    answer.content_type = "application/json";
    answer.body = std::move(body);
    return answer;
}

Answer error_answer(unsigned status, std::string_view message, std::string_view extra_headers) {
    Answer answer = json_answer(R"({"status":"error","message":)" + json_string(message) + "}");
    answer.status = status;
    answer.extra_headers = extra_headers;
    return answer;
}

Answer unavailable_answer(std::string_view reason, std::string_view message) {
    Answer answer = error_answer(503, message);
    answer.retry_after = 5;
    answer.reason = reason;
    return answer;
}

std::string answer_bytes(const Answer &answer, const Request &request, bool keep_alive) {
    const auto phrase = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(answer.status));
    std::string out;
    out.reserve(256 + answer.extra_headers.size() + answer.body.size());
    out.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ").append(phrase.data(), phrase.size());
    out.append("\r\n").append(date_header());
    out.append("X-Request-Id: ").append(request.id).append("\r\n").append(answer.extra_headers).append(answer.headers);
    if (answer.retry_after > 0)
        out.append("Retry-After: ").append(std::to_string(answer.retry_after)).append("\r\n");
    if (!answer.content_type.empty())
        out.append("Content-Type: ").append(answer.content_type).append("\r\n");
    if (answer.source != nullptr)
        out.append(request.version == 11 ? "Transfer-Encoding: chunked\r\n" : "");
    else if (answer.status != 204 &&
             answer.status != 304) // RFC 9110, section 8.6: no length with 204; 304's is another's
        out.append("Content-Length: ").append(std::to_string(answer.body.size())).append("\r\n");
    if (!keep_alive)
        out.append("Connection: close\r\n");
    else if (request.version == 10)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
    if (request.method != boost::beast::http::verb::head) // that asks for the length alone
        out.append(answer.body);
    return out;
}

} // namespace msgstatus::receiver
