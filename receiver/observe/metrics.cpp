#include "observe/metrics.hpp"

#include <sstream>

namespace msgstatus::receiver {
namespace {

void family(std::ostream &out, std::string_view name, std::string_view type, std::string_view help) {
    out << "# HELP msgstatus_" << name << ' ' << help << "\n# TYPE msgstatus_" << name << ' ' << type << '\n';
}

template <class Value>
void single(std::ostream &out, std::string_view name, std::string_view type, std::string_view help, Value value) {
    family(out, name, type, help);
    out << "msgstatus_" << name << ' ' << value << '\n';
}

void labelled(std::ostream &out, std::string_view name, std::string_view help, std::string_view label,
              const std::map<std::string_view, std::uint64_t> &counts) {
    family(out, name, "counter", help);
    for (const auto &[value, count] : counts)
        out << "msgstatus_" << name << '{' << label << "=\"" << value << "\"} " << count << '\n';
}

template <std::size_t Bounds>
void histogram(std::ostream &out, std::string_view name, std::string_view help, const Histogram<Bounds> &values) {
    family(out, name, "histogram", help);
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < Bounds; ++i) {
        total += values.counts()[i];
        out << "msgstatus_" << name << "_bucket{le=\"" << values.bounds()[i] << "\"} " << total << '\n';
    }
    total += values.counts()[Bounds];
    out << "msgstatus_" << name << "_bucket{le=\"+Inf\"} " << total << '\n'
        << "msgstatus_" << name << "_sum " << values.sum() << '\n'
        << "msgstatus_" << name << "_count " << total << '\n';
}

} // namespace

std::string prometheus_text(const Metrics &metrics, const Gauges &gauges) {
    std::ostringstream out;
    out.precision(15);
    family(out, "build_info", "gauge", "Always 1; the version of the receiver is its label.");
    out << "msgstatus_build_info{version=\"" MSGSTATUS_VERSION "\"} 1\n";
    family(out, "requests_total", "counter", "HTTP requests on the webhook listener by route and status code.");
    for (const auto &[key, count] : metrics.requests)
        out << "msgstatus_requests_total{route=\"" << key.first << "\",code=\"" << key.second << "\"} " << count
            << '\n';
    labelled(out, "signature_failures_total", "Webhooks refused for a missing or wrong signature.", "provider",
             metrics.signature_failures);
    labelled(out, "statuses_total", "Statuses in committed webhooks by what came of them.", "outcome",
             metrics.statuses);
    single(out, "bodies_committed_total", "counter", "Webhook bodies committed.", metrics.bodies_committed);
    single(out, "bodies_kept_as_text_total", "counter", "Webhook bodies that jsonb refused, kept as dead letters.",
           metrics.bodies_kept_as_text);
    single(out, "bodies_unavailable_total", "counter",
           "Webhook bodies answered 503 because they could not be committed.", metrics.bodies_unavailable);
    histogram(out, "batch_size", "Webhook bodies in one call of the database.", metrics.batch_size);
    histogram(out, "batch_seconds", "Duration of one call of the database, commit included.", metrics.batch_seconds);
    single(out, "batches_failed_total", "counter", "Calls of the database that failed, retried parts included.",
           metrics.batches_failed);
    single(out, "database_connects_total", "counter",
           "Connections made to the database; all but the first of each lane are reconnects.", metrics.connects);
    single(out, "database_connect_failures_total", "counter", "Failed attempts to connect to the database.",
           metrics.connect_failures);
    single(out, "lanes", "gauge", "Lanes configured.", gauges.lanes);
    single(out, "lanes_connected", "gauge", "Lanes that are connected to the database.", gauges.lanes_connected);
    single(out, "queue_depth", "gauge", "Webhook bodies that wait for a lane.", gauges.queue_depth);
    single(out, "buffer_bytes", "gauge", "Bytes of webhook bodies in memory: arriving, waiting and in flight.",
           gauges.buffer_bytes);
    single(out, "connections", "gauge", "Open connections of the webhook listener.", gauges.connections);
    return out.str();
}

} // namespace msgstatus::receiver
