#include "observe/metrics.hpp"

#include <array>
#include <chrono>

#include "observe/exposition.hpp"
#include "observe/process_stats.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::array<double, 13> request_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
constexpr std::array<std::string_view, 4> providers{"meta", "twilio", "aisensy", "webhook"};

void write_requests(Exposition &out, const Metrics &metrics) {
    out.family("msgstatus_requests_total", "counter", "Answers on the webhook listener by route and status code.");
    for (const auto &[key, count] : metrics.requests) {
        const std::string code = std::to_string(key.second);
        out.sample({{"route", key.first}, {"code", code}}, count);
    }
    out.family("msgstatus_request_duration_seconds", "histogram",
               "Time from the first byte of a request to its answer by route.");
    for (const auto &[route, seconds] : metrics.request_seconds)
        out.histogram("route", route, seconds);
    out.family("msgstatus_signature_failures_total", "counter",
               "Webhooks refused for a missing or wrong signature by provider.");
    for (const auto &[provider, count] : metrics.signature_failures)
        out.sample({{"provider", provider}}, count);
}

void write_statuses(Exposition &out, const Metrics &metrics) {
    out.family("msgstatus_statuses_received_total", "counter", "Statuses found in committed webhooks by provider.");
    for (const auto &[provider, counts] : metrics.statuses)
        out.sample({{"provider", provider}}, counts.received);
    out.family("msgstatus_statuses_total", "counter",
               "Statuses, and parts of webhooks that are none (ignored), by provider and by what came of them.");
    for (const auto &[provider, counts] : metrics.statuses) {
        out.sample({{"provider", provider}, {"outcome", "applied"}}, counts.applied);
        out.sample({{"provider", provider}, {"outcome", "unchanged"}}, counts.unchanged);
        out.sample({{"provider", provider}, {"outcome", "rejected"}}, counts.rejected);
        out.sample({{"provider", provider}, {"outcome", "ignored"}}, counts.ignored);
    }
}

void write_bodies(Exposition &out, const Metrics &metrics) {
    out.counter("msgstatus_bodies_committed_total", "Webhook bodies committed.", metrics.bodies_committed);
    out.counter("msgstatus_bodies_kept_as_text_total", "Webhook bodies that jsonb refused, kept as dead letters.",
                metrics.bodies_kept_as_text);
    out.counter("msgstatus_bodies_unavailable_total",
                "Webhook bodies answered 503 because they could not be committed.", metrics.bodies_unavailable);
}

void write_batches(Exposition &out, const Metrics &metrics) {
    out.family("msgstatus_batch_size", "histogram", "Webhook bodies in one batch.");
    out.histogram(metrics.batch_size);
    out.family("msgstatus_batch_duration_seconds", "histogram",
               "Duration of one call of the database, commit included.");
    out.histogram(metrics.batch_seconds);
    out.counter("msgstatus_batches_failed_total", "Calls of the database that failed, retried parts included.",
                metrics.batches_failed);
}

void write_database(Exposition &out, const Metrics &metrics, const Gauges &gauges) {
    out.counter("msgstatus_database_connects_total", "Connections made to the database.", metrics.connects);
    out.counter("msgstatus_database_reconnects_total", "Those among them that replaced one that was lost.",
                metrics.reconnects);
    out.counter("msgstatus_database_connect_failures_total", "Failed attempts to connect to the database.",
                metrics.connect_failures);
    out.gauge("msgstatus_lanes", "Lanes configured.", gauges.lanes);
    out.gauge("msgstatus_lanes_connected", "Lanes that are connected to the database.", gauges.lanes_connected);
}

void write_bounds(Exposition &out, const Gauges &gauges) {
    out.gauge("msgstatus_queue_depth", "Webhook bodies that wait for a lane.", gauges.queue_depth);
    out.gauge("msgstatus_queue_limit", "The most that may wait.", gauges.queue_limit);
    out.gauge("msgstatus_buffer_bytes", "Bytes of webhook bodies in memory: arriving, waiting and in flight.",
              gauges.buffer_bytes);
    out.gauge("msgstatus_buffer_limit_bytes", "The most there may be.", gauges.buffer_limit);
    out.gauge("msgstatus_connections", "Open connections of the webhook listener.", gauges.connections);
    out.gauge("msgstatus_connections_limit", "The most that may be open.", gauges.connections_limit);
}

void write_spool(Exposition &out, const Metrics &metrics, const Gauges &gauges) {
    const SpoolGauges &spool = gauges.spool;
    out.counter("msgstatus_bodies_spooled_total", "Webhook bodies put on disk and answered.", metrics.bodies_spooled);
    out.counter("msgstatus_bodies_drained_total", "Webhook bodies brought from disk to the database.",
                metrics.bodies_drained);
    out.counter("msgstatus_spool_failures_total", "Webhook bodies that could not be put on disk.",
                metrics.spool_failures);
    out.gauge("msgstatus_spool_ready", "1 while webhooks can be put on disk.", gauges.spool_ready ? 1 : 0);
    out.gauge("msgstatus_spool_bodies", "Webhook bodies on disk.", spool.bodies);
    out.gauge("msgstatus_spool_bytes", "Bytes that the spool takes on disk.", spool.bytes);
    out.gauge("msgstatus_spool_limit_bytes", "The most it may take.", spool.limit_bytes);
    out.gauge("msgstatus_spool_oldest_age_seconds", "Time since the receipt of the body that waits longest on disk.",
              spool.oldest_age);
}

void write_access(Exposition &out, const Metrics &metrics, const Gauges &gauges) {
    out.counter("msgstatus_addresses_refused_total", "Requests from an address that may not call their route.",
                metrics.addresses_refused);
    out.family("msgstatus_rate_limited_total", "counter",
               "Requests beyond the limit of their address, or of all together, by limit.");
    for (const auto &[limit, count] : metrics.rate_limited)
        out.sample({{"limit", limit}}, count);
    out.counter("msgstatus_connections_refused_total", "Connections closed because their address had too many.",
                gauges.refused_connections);
}

void write_tls(Exposition &out, const Metrics &metrics, const Gauges &gauges) {
    out.counter("msgstatus_tls_handshake_failures_total", "TLS handshakes that failed or took too long.",
                gauges.failed_handshakes);
    out.family("msgstatus_tls_certificate_expiry_timestamp_seconds", "gauge",
               "When the certificate in use expires, since 1970; only with TLS.");
    if (gauges.certificate_expiry)
        out.sample({}, std::chrono::duration<double>(gauges.certificate_expiry->time_since_epoch()).count());
    out.counter("msgstatus_reloads_total", "Times that certificate and secrets were read again.", metrics.reloads);
    out.counter("msgstatus_reload_failures_total", "Times that this failed and those before stayed.",
                metrics.reload_failures);
}

void write_alerts(Exposition &out, const Metrics &metrics) {
    out.family("msgstatus_alerts_active", "gauge", "Active alerts of the database by rule and severity.");
    for (const AlertCount &alert : metrics.alerts)
        out.sample({{"alert", alert.name}, {"severity", alert.severity}}, alert.active);
}

// The names that Prometheus' own client libraries use for any process.
void write_process(Exposition &out, const Metrics &metrics) {
    const ProcessStats stats = process_stats();
    out.counter("process_cpu_seconds_total", "User and system CPU time spent.", stats.cpu_seconds);
    out.gauge("process_resident_memory_bytes", "Resident memory size.", stats.resident_bytes);
    out.gauge("process_virtual_memory_bytes", "Virtual memory size.", stats.virtual_bytes);
    out.gauge("process_open_fds", "Open file descriptors.", stats.open_descriptors);
    out.gauge("process_max_fds", "The most there may be.", stats.most_descriptors);
    out.gauge("process_start_time_seconds", "When the process started, since 1970.", metrics.start_time);
}

} // namespace

Metrics::Metrics() {
    for (const std::string_view provider : providers) {
        signature_failures[provider] = 0;
        statuses[provider] = {};
    }
    rate_limited = {{"address", 0}, {"all", 0}};
    start_time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void Metrics::count_request(std::string_view route, unsigned code, double seconds) {
    ++requests[{route, code}];
    request_seconds.try_emplace(route, request_bounds).first->second.observe(seconds);
}

std::string prometheus_text(const Metrics &metrics, const Gauges &gauges) {
    Exposition out;
    out.family("msgstatus_build_info", "gauge", "Always 1; the version of the receiver is its label.");
    out.sample({{"version", MSGSTATUS_VERSION}}, 1);
    write_requests(out, metrics);
    write_statuses(out, metrics);
    write_bodies(out, metrics);
    write_batches(out, metrics);
    write_database(out, metrics, gauges);
    write_bounds(out, gauges);
    write_spool(out, metrics, gauges);
    write_access(out, metrics, gauges);
    write_tls(out, metrics, gauges);
    write_alerts(out, metrics);
    write_process(out, metrics);
    return out.text();
}

} // namespace msgstatus::receiver
