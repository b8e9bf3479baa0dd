#include "http/admin_routes.hpp"

#include <utility>

namespace msgstatus::receiver {
namespace {

using boost::beast::http::verb;

enum Route : std::uint8_t { other_route, health_route, ready_route, metrics_route };

Route find_route(std::string_view path) noexcept {
    if (path == "/healthz")
        return health_route;
    if (path == "/readyz")
        return ready_route;
    return path == "/metrics" ? metrics_route : other_route;
}

} // namespace

AdminRoutes::AdminRoutes(const Metrics &metrics, std::function<Gauges()> gauges)
    : metrics_(metrics), gauges_(std::move(gauges)) {}

std::optional<Answer> AdminRoutes::check_head(const Request &request, std::uint8_t &route) {
    route = find_route(request.path());
    if (route == other_route)
        return error_answer(404, "no such route");
    if (request.method != verb::get && request.method != verb::head)
        return error_answer(405, "method not allowed", "Allow: GET, HEAD\r\n");
    return std::nullopt;
}

void AdminRoutes::handle(Request &, std::uint8_t route, AnswerTo to) {
    if (route == health_route) {
        to.send(json_answer(R"({"status":"ok"})"));
        return;
    }
    const Gauges gauges = gauges_();
    if (route == ready_route) {
        if (draining_)
            to.send(unavailable_answer("stopping", "draining"));
        else if (gauges.lanes_connected > 0)
            to.send(json_answer(R"({"status":"ready"})"));
        else if (gauges.spool_ready)
            to.send(json_answer(R"({"status":"spooling"})")); // without the database, yet ready for webhooks
        else
            to.send(unavailable_answer("database", "no lane is connected to the database"));
        return;
    }
    Answer answer;
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = prometheus_text(metrics_, gauges);
    to.send(std::move(answer));
}

void AdminRoutes::answered(const AnsweredRequest &) {}

} // namespace msgstatus::receiver
