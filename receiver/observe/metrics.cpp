#include "observe/metrics.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/log.hpp"

namespace msgstatus::receiver {
namespace {

std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.15g", value); // the decimal digits of a double that are certain
    return text.data();
}

std::string labels(std::initializer_list<std::pair<std::string_view, std::string_view>> given) {
    std::string text;
    for (const auto &[name, value] : given) {
        if (name.empty())
            continue;
        text.append(text.empty() ? "{" : ",").append(name).append("=\"");
        for (const char c : value) {
            if (c == '"' || c == '\\')
                text += '\\';
            text.append(c == '\n' ? "\\n" : std::string_view(&c, 1));
        }
        text += '"';
    }
    return text.empty() ? text : text + '}';
}

/// The values of a metric, each with what stands behind its name: a suffix, labels, both, or nothing.
struct Samples {
    bool of_histogram = false;
    std::vector<std::pair<std::string, double>> values;

    Samples() = default;
    template <class Number, class = std::enable_if_t<std::is_arithmetic_v<Number>>>
    Samples(Number value) { // NOLINT(google-explicit-constructor)
        add("", value);
    }
    // NOLINTNEXTLINE(google-explicit-constructor)
    Samples(const Histogram &histogram) : of_histogram(true) { add("", "", histogram); }
    template <class Value>
    Samples(std::string_view label, const std::map<std::string_view, Value> &by_label)
        : of_histogram(std::is_same_v<Value, Histogram>) {
        for (const auto &[text, value] : by_label) {
            if constexpr (std::is_same_v<Value, Histogram>)
                add(label, text, value);
            else
                add(labels({{label, text}}), value);
        }
    }

    template <class Number>
    void add(std::string key, Number value) {
        values.emplace_back(std::move(key), static_cast<double>(value));
    }
    void add(std::string_view label, std::string_view text, const Histogram &histogram) {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
            total += histogram.counts()[i];
            const std::string bound = i < histogram.bounds().size() ? number(histogram.bounds()[i]) : "+Inf";
            add("_bucket" + labels({{label, text}, {"le", bound}}), total);
        }
        add("_sum" + labels({{label, text}}), histogram.sum());
        add("_count" + labels({{label, text}}), total);
    }
};

/// A row of the table of metrics. Counters are those whose name ends in `_total`.
struct Family {
    std::string_view name;
    std::string_view help;
    Samples samples;

    std::string_view kind() const {
        return samples.of_histogram ? "histogram" : name.ends_with("_total") ? "counter" : "gauge";
    }
};

double since_1970(std::chrono::system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double count_descriptors() {
    const std::filesystem::path directory = "/proc/self/fd";
    // Since Linux 6.2 the size of this directory is the count; looking at 10,000 entries would take milliseconds.
    struct stat about {};
    if (stat(directory.c_str(), &about) == 0 && about.st_size > 0)
        return static_cast<double>(about.st_size);
    std::error_code ec;
    const std::filesystem::directory_iterator entries(directory, ec);
    return static_cast<double>(std::distance(begin(entries), end(entries)));
}

std::vector<Family> families(const Metrics &metrics, const Gauges &gauges) {
    Samples requests;
    for (const auto &[key, count] : metrics.requests)
        requests.add(labels({{"route", key.first}, {"code", std::to_string(key.second)}}), count);
    Counters received;
    Samples outcomes;
    for (const auto &[provider, counts] : metrics.statuses) {
        received[provider] = counts[0];
        for (std::size_t i = 1; i < counts.size(); ++i)
            outcomes.add(labels({{"provider", provider}, {"outcome", status_outcomes[i]}}), counts[i]);
    }
    Samples alerts;
    for (const AlertCount &alert : metrics.alerts)
        alerts.add(labels({{"alert", alert.name}, {"severity", alert.severity}}), alert.active);
    const auto expiry = gauges.certificate_expiry ? Samples(since_1970(*gauges.certificate_expiry)) : Samples();

    // Of the process; what cannot be read is 0.
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto cpu_time = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                          static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    double pages = 0;
    double resident_pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident_pages; // proc(5): size and resident set
    const auto page_size = static_cast<double>(sysconf(_SC_PAGESIZE));
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);

    return {
        {"msgstatus_build_info", "Always 1, with the version.", Samples("version", Counters{{MSGSTATUS_VERSION, 1}})},
        {"msgstatus_requests_total", "Answers on the webhook listener by route and status code.", requests},
        {"msgstatus_request_duration_seconds", "Time from the first byte of a request to its answer.",
         Samples("route", metrics.request_seconds)},
        {"msgstatus_unavailable_total", "Answers 503 on the webhook listener.", Samples("reason", metrics.unavailable)},
        {"msgstatus_signature_failures_total", "Webhooks refused for a missing or wrong signature.",
         Samples("provider", metrics.signature_failures)},
        {"msgstatus_addresses_refused_total", "Requests from addresses that may not do so.", metrics.addresses_refused},
        {"msgstatus_rate_limited_total", "Requests beyond a limit of rate.", Samples("limit", metrics.rate_limited)},

        {"msgstatus_statuses_received_total", "Statuses found in committed webhooks.", Samples("provider", received)},
        {"msgstatus_statuses_total", "Statuses, and parts of webhooks that are none, by what came of them.", outcomes},
        {"msgstatus_bodies_committed_total", "Bodies committed.", metrics.bodies_committed},
        {"msgstatus_bodies_kept_as_text_total", "Bodies kept, which jsonb refused.", metrics.bodies_kept_as_text},
        {"msgstatus_bodies_unavailable_total", "Bodies answered 503 instead of committed.", metrics.bodies_unavailable},

        {"msgstatus_batch_size", "Bodies in one batch.", metrics.batch_size},
        {"msgstatus_batch_duration_seconds", "Duration of a call of the database with its commit.",
         metrics.batch_seconds},
        {"msgstatus_batches_failed_total", "Calls that failed, retried parts included.", metrics.batches_failed},
        {"msgstatus_database_connects_total", "Connections made to the database.", metrics.connects},
        {"msgstatus_database_reconnects_total", "Connections that replaced one that was lost.", metrics.reconnects},
        {"msgstatus_database_connect_failures_total", "Failed attempts to connect.", metrics.connect_failures},
        {"msgstatus_lanes", "Lanes configured.", gauges.lanes},
        {"msgstatus_lanes_connected", "Lanes that are connected to the database.", gauges.lanes_connected},
        {"msgstatus_alerts_active", "Active alerts of the database by rule and severity.", alerts},

        {"msgstatus_queue_depth", "Bodies that wait for a lane.", gauges.queue_depth},
        {"msgstatus_queue_limit", "The most that may wait.", gauges.queue_limit},
        {"msgstatus_buffer_bytes", "Memory held for bodies: arriving, waiting and in flight.", gauges.buffer_bytes},
        {"msgstatus_buffer_limit_bytes", "The most there may be.", gauges.buffer_limit},
        {"msgstatus_connections", "Open connections of the webhook listener.", gauges.connections},
        {"msgstatus_connections_limit", "The most that may be open.", gauges.connections_limit},
        {"msgstatus_connections_refused_total", "Connections of addresses with too many.", gauges.refused_connections},
        {"msgstatus_connections_evicted_total", "Idle connections closed to make room.", gauges.evicted_connections},
        {"msgstatus_log_lines_dropped_total", "Log lines dropped: standard error took none.", dropped_log_lines()},

        {"msgstatus_bodies_spooled_total", "Bodies put on disk and answered.", metrics.bodies_spooled},
        {"msgstatus_bodies_drained_total", "Bodies brought from disk to the database.", metrics.bodies_drained},
        {"msgstatus_spool_failures_total", "Bodies that could not be put on disk.", metrics.spool_failures},
        {"msgstatus_spool_ready", "1 while webhooks can be put on disk.", gauges.spool_ready},
        {"msgstatus_spool_bodies", "Bodies on disk.", gauges.spool.bodies},
        {"msgstatus_spool_bytes", "Bytes that the spool takes on disk.", gauges.spool.bytes},
        {"msgstatus_spool_limit_bytes", "The most it may take.", gauges.spool.limit_bytes},
        {"msgstatus_spool_oldest_age_seconds", "Age of the body that waits longest on disk.", gauges.spool.oldest_age},

        {"msgstatus_tls_handshake_failures_total", "TLS handshakes failed or timed out.", gauges.failed_handshakes},
        {"msgstatus_tls_certificate_expiry_timestamp_seconds", "When the certificate in use expires.", expiry},
        {"msgstatus_reloads_total", "Times that certificate and secrets were read again.", metrics.reloads},
        {"msgstatus_reload_failures_total", "Times that this failed and those before stayed.", metrics.reload_failures},

        // The names that Prometheus' own client libraries use for any process.
        {"process_cpu_seconds_total", "User and system CPU time spent.", cpu_time},
        {"process_resident_memory_bytes", "Resident memory size.", resident_pages * page_size},
        {"process_virtual_memory_bytes", "Virtual memory size.", pages * page_size},
        {"process_open_fds", "Open file descriptors.", count_descriptors()},
        {"process_max_fds", "The most there may be.", files.rlim_cur},
        {"process_start_time_seconds", "When the process started, since 1970.", since_1970(metrics.start_time)},
    };
}

} // namespace

void Metrics::count_request(std::string_view route, unsigned code, double seconds) {
    static const std::vector<double> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    ++requests[{route, code}];
    request_seconds.try_emplace(route, bounds).first->second.observe(seconds);
}

std::string prometheus_text(const Metrics &metrics, const Gauges &gauges) {
    std::string text;
    for (const Family &family : families(metrics, gauges)) {
        text.append("# HELP ").append(family.name).append(" ").append(family.help).append("\n");
        text.append("# TYPE ").append(family.name).append(" ").append(family.kind()).append("\n");
        for (const auto &[key, value] : family.samples.values)
            text.append(family.name).append(key).append(" ").append(number(value)).append("\n");
    }
    return text;
}

} // namespace msgstatus::receiver
