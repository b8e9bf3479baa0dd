// What a connection needs to know about those who answer requests, and they about it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "access/address.hpp"
#include "http/answer.hpp"
#include "http/net.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {

/// Something that takes answers, in any order, to the requests it has numbered.
class AnswerSink {
public:
    virtual ~AnswerSink() = default;
    virtual void answer(std::uint64_t number, Answer &&answer) = 0;
};

/// Where to send the answer to one request: exactly one answer for each.
struct AnswerTo {
    std::shared_ptr<AnswerSink> sink;
    std::uint64_t number = 0;

    void send(Answer &&answer) const { sink->answer(number, std::move(answer)); }
};

/// What became of a request.
struct AnsweredRequest {
    std::uint8_t route = 0;
    unsigned status = 0;
    Clock::duration duration{}; ///< from its first byte to its answer
    std::string_view id;        ///< see RequestIds
    Address client;
    std::string_view answer; ///< its body
};

/// RequestHandler does answer the requests of one listener.
class RequestHandler {
public:
    virtual ~RequestHandler() = default;

    /// check_head does look at a request before its body is read.
    /// @param route  set to a small number that names the route for answered()
    /// @return the answer if the request is refused already
    virtual std::optional<Answer> check_head(const Request &request, std::uint8_t &route) = 0;

    /// handle does take a complete request; the answer may come now or later.
    virtual void handle(Request &request, std::uint8_t route, AnswerTo to) = 0;

    /// answered does hear of every answer, refusals and malformed requests included, for the metrics.
    virtual void answered(const AnsweredRequest &request) = 0;

    /// The route of a request of which not even the head is understood.
    static constexpr std::uint8_t no_route = 0;
};

} // namespace msgstatus::receiver
