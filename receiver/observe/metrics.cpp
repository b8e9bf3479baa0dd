#include "observe/metrics.hpp"

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <system_error>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/log.hpp"

namespace msgstatus::receiver {
namespace {

const std::vector<double> request_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
constexpr std::array<std::string_view, 4> providers{"meta", "twilio", "aisensy", "webhook"};

/// Exposition gathers families of metrics, each with the samples that follow it, in Prometheus' text format.
class Exposition {
public:
    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    Exposition() { out_.precision(15); } // a double's decimal digits that are certain

    void family(std::string_view name, std::string_view type, std::string_view help) {
        family_ = name;
        out_ << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n';
    }

    /// Adds a value to the family begun last.
    template <class Value>
    void sample(Labels labels, Value value, std::string_view suffix = "") {
        out_ << family_ << suffix;
        char before = '{';
        for (const auto &[name, text] : labels) {
            if (name.empty())
                continue;
            out_ << before << name << "=\"";
            for (const char c : text) {
                if (c == '"' || c == '\\')
                    out_ << '\\';
                c == '\n' ? out_ << "\\n" : out_ << c;
            }
            out_ << '"';
            before = ',';
        }
        out_ << (before == ',' ? "} " : " ") << value << '\n';
    }

    void histogram(const Histogram &values, std::string_view label = {}, std::string_view label_value = {}) {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < values.counts().size(); ++i) {
            total += values.counts()[i];
            std::ostringstream bound;
            bound.precision(15);
            i < values.bounds().size() ? bound << values.bounds()[i] : bound << "+Inf";
            sample({{label, label_value}, {"le", bound.str()}}, total, "_bucket");
        }
        sample({{label, label_value}}, values.sum(), "_sum");
        sample({{label, label_value}}, total, "_count");
    }

    /// Add a metric of one sample without labels.
    template <class Value>
    void counter(std::string_view name, std::string_view help, Value value) {
        family(name, "counter", help);
        sample({}, value);
    }
    template <class Value>
    void gauge(std::string_view name, std::string_view help, Value value) {
        family(name, "gauge", help);
        sample({}, value);
    }
    void counters(std::string_view name, std::string_view label, std::string_view help,
                  const std::map<std::string_view, std::uint64_t> &counts) {
        family(name, "counter", help);
        for (const auto &[value, count] : counts)
            sample({{label, value}}, count);
    }

    std::string text() const { return out_.str(); }

private:
    std::ostringstream out_;
    std::string_view family_;
};

void write_requests(Exposition &out, const Metrics &metrics) {
    out.family("msgstatus_requests_total", "counter", "Answers on the webhook listener by route and status code.");
    for (const auto &[key, count] : metrics.requests)
        out.sample({{"route", key.first}, {"code", std::to_string(key.second)}}, count);
    out.family("msgstatus_request_duration_seconds", "histogram",
               "Time from the first byte of a request to its answer by route.");
    for (const auto &[route, seconds] : metrics.request_seconds)
        out.histogram(seconds, "route", route);
    out.counters("msgstatus_unavailable_total", "reason", "Answers 503 on the webhook listener by reason.",
                 metrics.unavailable);
    out.counters("msgstatus_signature_failures_total", "provider",
                 "Webhooks refused for a missing or wrong signature by provider.", metrics.signature_failures);
    out.counter("msgstatus_addresses_refused_total", "Requests from an address that may not call their route.",
                metrics.addresses_refused);
    out.counters("msgstatus_rate_limited_total", "limit",
                 "Requests beyond the limit of their address, or of all together, by limit.", metrics.rate_limited);
}

void write_statuses(Exposition &out, const Metrics &metrics) {
    out.family("msgstatus_statuses_received_total", "counter", "Statuses found in committed webhooks by provider.");
    for (const auto &[provider, counts] : metrics.statuses)
        out.sample({{"provider", provider}}, counts.received);
    out.family("msgstatus_statuses_total", "counter",
               "Statuses, and parts of webhooks that are none (ignored), by provider and by what came of them.");
    for (const auto &[provider, counts] : metrics.statuses) {
        for (const auto &[outcome, count] : {std::pair{"applied", counts.applied},
                                             {"unchanged", counts.unchanged},
                                             {"rejected", counts.rejected},
                                             {"ignored", counts.ignored}})
            out.sample({{"provider", provider}, {"outcome", outcome}}, count);
    }
    out.counter("msgstatus_bodies_committed_total", "Webhook bodies committed.", metrics.bodies_committed);
    out.counter("msgstatus_bodies_kept_as_text_total", "Webhook bodies that jsonb refused, kept as dead letters.",
                metrics.bodies_kept_as_text);
    out.counter("msgstatus_bodies_unavailable_total",
                "Webhook bodies answered 503 because they could not be committed.", metrics.bodies_unavailable);
}

void write_database(Exposition &out, const Metrics &metrics, const Gauges &gauges) {
    out.family("msgstatus_batch_size", "histogram", "Webhook bodies in one batch.");
    out.histogram(metrics.batch_size);
    out.family("msgstatus_batch_duration_seconds", "histogram",
               "Duration of one call of the database, commit included.");
    out.histogram(metrics.batch_seconds);
    out.counter("msgstatus_batches_failed_total", "Calls of the database that failed, retried parts included.",
                metrics.batches_failed);
    out.counter("msgstatus_database_connects_total", "Connections made to the database.", metrics.connects);
    out.counter("msgstatus_database_reconnects_total", "Those among them that replaced one that was lost.",
                metrics.reconnects);
    out.counter("msgstatus_database_connect_failures_total", "Failed attempts to connect to the database.",
                metrics.connect_failures);
    out.gauge("msgstatus_lanes", "Lanes configured.", gauges.lanes);
    out.gauge("msgstatus_lanes_connected", "Lanes that are connected to the database.", gauges.lanes_connected);
    out.family("msgstatus_alerts_active", "gauge", "Active alerts of the database by rule and severity.");
    for (const AlertCount &alert : metrics.alerts)
        out.sample({{"alert", alert.name}, {"severity", alert.severity}}, alert.active);
}

void write_bounds(Exposition &out, const Gauges &gauges) {
    out.gauge("msgstatus_queue_depth", "Webhook bodies that wait for a lane.", gauges.queue_depth);
    out.gauge("msgstatus_queue_limit", "The most that may wait.", gauges.queue_limit);
    out.gauge("msgstatus_buffer_bytes", "Memory held for webhook bodies: arriving, waiting and in flight.",
              gauges.buffer_bytes);
    out.gauge("msgstatus_buffer_limit_bytes", "The most there may be.", gauges.buffer_limit);
    out.gauge("msgstatus_connections", "Open connections of the webhook listener.", gauges.connections);
    out.gauge("msgstatus_connections_limit", "The most that may be open.", gauges.connections_limit);
    out.counter("msgstatus_connections_refused_total", "Connections closed because their address had too many.",
                gauges.refused_connections);
    out.counter("msgstatus_connections_evicted_total",
                "Connections that waited longest without a request, closed to make room for others.",
                gauges.evicted_connections);
    out.counter("msgstatus_log_lines_dropped_total", "Log lines dropped because standard error took none.",
                dropped_log_lines());
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

double seconds(const timeval &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t count_descriptors() {
    constexpr const char *directory = "/proc/self/fd";
    // Since Linux 6.2 the size of this directory is the count; looking at 10,000 entries would take milliseconds.
    struct stat about {};
    if (stat(directory, &about) == 0 && about.st_size > 0)
        return static_cast<std::uint64_t>(about.st_size);
    std::uint64_t count = 0;
    std::error_code ec;
    for (std::filesystem::directory_iterator entry(directory, ec), end; !ec && entry != end; entry.increment(ec))
        ++count;
    return count > 0 ? count - 1 : 0; // without the one that reads the directory
}

// The names that Prometheus' own client libraries use for any process. What cannot be read is 0.
void write_process(Exposition &out, const Metrics &metrics) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::ifstream statm("/proc/self/statm"); // proc(5): size and resident set, in pages
    std::uint64_t pages = 0;
    std::uint64_t resident_pages = 0;
    statm >> pages >> resident_pages;
    const auto page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    out.counter("process_cpu_seconds_total", "User and system CPU time spent.",
                seconds(usage.ru_utime) + seconds(usage.ru_stime));
    out.gauge("process_resident_memory_bytes", "Resident memory size.", resident_pages * page_size);
    out.gauge("process_virtual_memory_bytes", "Virtual memory size.", pages * page_size);
    out.gauge("process_open_fds", "Open file descriptors.", count_descriptors());
    out.gauge("process_max_fds", "The most there may be.", limit.rlim_cur);
    out.gauge("process_start_time_seconds", "When the process started, since 1970.", metrics.start_time);
}

} // namespace

Metrics::Metrics() {
    for (const std::string_view provider : providers) {
        signature_failures[provider] = 0;
        statuses[provider] = {};
    }
    rate_limited = {{"address", 0}, {"all", 0}};
    for (const std::string_view reason : {"memory", "queue", "database", "spool", "timeout", "stopping"})
        unavailable[reason] = 0;
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
    write_database(out, metrics, gauges);
    write_bounds(out, gauges);
    write_spool(out, metrics, gauges);
    write_tls(out, metrics, gauges);
    write_process(out, metrics);
    return out.text();
}

} // namespace msgstatus::receiver
