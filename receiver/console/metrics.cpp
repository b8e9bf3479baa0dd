#include "console/metrics.hpp"

#include <sstream>

namespace msgstatus::receiver {
namespace {

void heading(std::ostream &out, std::string_view name, std::string_view type, std::string_view help) {
    out << "# HELP msgstatus_console_" << name << ' ' << help << "\n# TYPE msgstatus_console_" << name << ' ' << type
        << '\n';
}

} // namespace

void ConsoleMetrics::count_query(std::string_view function, double seconds) {
    static const Histogram empty({0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});
    query_seconds.try_emplace(function, empty).first->second.observe(seconds);
}

std::string prometheus_text(const ConsoleMetrics &metrics, std::size_t sessions, std::size_t connections) {
    std::ostringstream out;
    heading(out, "requests_total", "counter", "Requests by route and status code");
    for (const auto &[key, count] : metrics.requests)
        out << "msgstatus_console_requests_total{route=\"" << key.first << "\",code=\"" << key.second << "\"} " << count
            << '\n';
    heading(out, "sessions", "gauge", "People signed in");
    out << "msgstatus_console_sessions " << sessions << '\n';
    heading(out, "connections", "gauge", "Open connections of clients");
    out << "msgstatus_console_connections " << connections << '\n';
    heading(out, "sign_ins_total", "counter", "People who signed in, with a password or through a proxy");
    for (const auto &[kind, count] : metrics.sign_ins)
        out << "msgstatus_console_sign_ins_total{kind=\"" << kind << "\"} " << count << '\n';
    heading(out, "sign_ins_refused_total", "counter", "Attempts to sign in that were refused, by reason");
    for (const auto &[reason, count] : metrics.refused_sign_ins)
        out << "msgstatus_console_sign_ins_refused_total{reason=\"" << reason << "\"} " << count << '\n';
    heading(out, "queries_cancelled_total", "counter",
            "Statements that were cancelled, since their client had left or they took too long");
    out << "msgstatus_console_queries_cancelled_total " << metrics.cancelled_queries << '\n';
    heading(out, "query_seconds", "histogram", "Time of a statement, by function");
    for (const auto &[function, histogram] : metrics.query_seconds) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
            sum += histogram.counts()[i];
            out << "msgstatus_console_query_seconds_bucket{function=\"" << function << "\",le=\"";
            if (i < histogram.bounds().size())
                out << histogram.bounds()[i];
            else
                out << "+Inf";
            out << "\"} " << sum << '\n';
        }
        out << "msgstatus_console_query_seconds_sum{function=\"" << function << "\"} " << histogram.sum() << '\n'
            << "msgstatus_console_query_seconds_count{function=\"" << function << "\"} " << sum << '\n';
    }
    return out.str();
}

} // namespace msgstatus::receiver
