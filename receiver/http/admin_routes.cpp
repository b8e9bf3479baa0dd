#include "http/admin_routes.hpp"

namespace msgstatus::receiver {

using boost::beast::http::verb;

std::optional<Answer> AdminRoutes::check_head(Request &request) {
    const std::string_view path = request.path();
    if (path != "/healthz" && path != "/readyz" && path != "/metrics")
        return error_answer(404, "no such route");
    if (request.method != verb::get && request.method != verb::head)
        return error_answer(405, "method not allowed", "Allow: GET, HEAD\r\n");
    return std::nullopt;
}

void AdminRoutes::handle(Request &request, AnswerTo to) {
    Answer answer = json_answer(R"({"status":"ok"})");
    if (request.path() == "/readyz") {
        answer = readiness(gauges_());
    } else if (request.path() == "/metrics") {
        answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
        answer.body = prometheus_text(metrics_, gauges_());
    }
    to.send(std::move(answer));
}

Answer AdminRoutes::readiness(const Gauges &gauges) const {
    if (draining_)
        return unavailable_answer("stopping", "draining");
    if (gauges.lanes_connected > 0)
        return json_answer(R"({"status":"ready"})");
    if (gauges.spool_ready)
        return json_answer(R"({"status":"spooling"})"); // without the database, yet ready for webhooks
    return unavailable_answer("database", "no lane is connected to the database");
}

} // namespace msgstatus::receiver
