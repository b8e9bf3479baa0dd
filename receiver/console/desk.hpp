// What the console answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "console/gate.hpp"
#include "console/guesses.hpp"
#include "console/metrics.hpp"
#include "console/routes.hpp"
#include "console/visitors.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {

/// Desk answers the requests of the page and of its API.
class Desk : public RequestHandler {
public:
    Desk(boost::asio::io_context &context, const ConsoleConfig &config, ConsoleMetrics &metrics);

    void note_headers(const RequestParser::value_type &head, Request &request) override;
    std::optional<Answer> check_head(Request &request) override;
    void handle(Request &request, AnswerTo to) override;
    void complete(const Request &request, Answer &answer) override;
    void answered(const Request &request, const Answer &answer, Clock::duration duration) override;

    Gate &gate() noexcept { return gate_; }
    Visitors &visitors() noexcept { return visitors_; }

private:
    /// A request, as far as it outlives its connection's turn.
    struct Call {
        const Route &route;
        std::string parameters;
        std::string body;
        std::string token;
        std::string user; ///< whom a proxy has signed in
        std::string request_id;
        Address client;
    };

    Awaitable<> serve(Call call, AnswerTo to);
    Awaitable<Answer> answer_to(const Call &call, AnswerTo to);
    Awaitable<Answer> sign_in(const Call &call, AnswerTo to);
    Awaitable<Answer> call_function(const Call &call, AnswerTo to);
    Awaitable<std::shared_ptr<Visitor>> visitor_of(const Call &call);
    Answer sign_out(const Call &call);
    void check_room(const std::string &role, const std::string &key, const Call &call);
    void check_pace(const std::string &role, const Call &call);
    void refuse_sign_in(std::string_view reason, const Call &call);
    std::string_view cookie_name() const;
    std::string cookie(std::string_view token, std::string_view more) const;
    std::shared_ptr<Line> new_line() {
        return std::make_shared<Line>(context_.get_executor(), metrics_, config_.statement_timeout);
    }

    boost::asio::io_context &context_;
    const ConsoleConfig &config_;
    ConsoleMetrics &metrics_;
    Gate gate_;
    Visitors visitors_;
    Guesses guesses_;
    std::map<std::string, std::size_t> signing_in_; ///< by role
    LogLimiter refusal_log_;
};

} // namespace msgstatus::receiver
