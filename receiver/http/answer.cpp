#include "http/answer.hpp"

#include <array>
#include <charconv>
#include <ostream> // Boost 1.74 forgets it

#include <boost/beast/http/status.hpp>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace msgstatus::receiver {
namespace {

constexpr std::string_view json_type = "application/json";

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_string(Writer &writer, std::string_view text) {
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

std::string processed_body(bool partial, unsigned long processed) {
    rapidjson::StringBuffer buffer;
    Writer writer(buffer);
    writer.StartObject();
    write_string(writer, "status");
    write_string(writer, partial ? "partial_success" : "success");
    write_string(writer, "processed");
    writer.Uint64(processed);
    writer.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

void append_number(std::string &out, std::size_t number) {
    std::array<char, 24> digits{};
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

} // namespace

Answer error_answer(unsigned status, std::string_view message, std::string_view extra_headers) {
    rapidjson::StringBuffer buffer;
    Writer writer(buffer);
    writer.StartObject();
    write_string(writer, "status");
    write_string(writer, "error");
    write_string(writer, "message");
    write_string(writer, message);
    writer.EndObject();
    Answer answer;
    answer.status = status;
    answer.content_type = json_type;
    answer.body.assign(buffer.GetString(), buffer.GetSize());
    answer.extra_headers = extra_headers;
    return answer;
}

Answer processed_answer(bool partial, unsigned long processed) {
    // Almost all webhooks carry few statuses: their answers are made once.
    static const std::array<std::string, 32> usual = [] {
        std::array<std::string, 32> bodies;
        for (std::size_t n = 0; n < bodies.size(); ++n)
            bodies[n] = processed_body(false, n);
        return bodies;
    }();
    Answer answer;
    answer.content_type = json_type;
    if (!partial && processed < usual.size())
        answer.fixed_body = usual[processed];
    else
        answer.body = processed_body(partial, processed);
    return answer;
}

Answer too_many_answer(std::string_view message, unsigned retry_after) {
    Answer answer = error_answer(429, message);
    answer.retry_after = retry_after;
    return answer;
}

Answer unavailable_answer(std::string_view message) {
    Answer answer = error_answer(503, message);
    answer.retry_after = 5;
    return answer;
}

void append_answer(std::string &out, const Answer &answer, const AnswerForm &form) {
    const std::string_view body = answer.text();
    if (answer.status == 200) {
        out.append("HTTP/1.1 200 OK\r\n");
    } else {
        const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(answer.status));
        out.append("HTTP/1.1 ");
        append_number(out, answer.status);
        out.append(" ").append(reason.data(), reason.size()).append("\r\n");
    }
    out.append(form.date_header);
    out.append("X-Request-Id: ").append(form.request_id).append("\r\n");
    out.append(answer.extra_headers);
    if (answer.retry_after > 0) {
        out.append("Retry-After: ");
        append_number(out, answer.retry_after);
        out.append("\r\n");
    }
    if (!answer.content_type.empty())
        out.append("Content-Type: ").append(answer.content_type).append("\r\n");
    if (answer.status != 204) { // RFC 9110, section 8.6: no length with 204
        out.append("Content-Length: ");
        append_number(out, body.size());
        out.append("\r\n");
    }
    if (!form.keep_alive)
        out.append("Connection: close\r\n");
    else if (form.version == 10)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
    if (!form.head)
        out.append(body);
}

} // namespace msgstatus::receiver
