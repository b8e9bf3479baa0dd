// What the program counts, and how Prometheus reads it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msgstatus::receiver {

/// A histogram with fixed upper bounds.
class Histogram {
public:
    explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

    void observe(double value) noexcept {
        ++counts_[static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin())];
        sum_ += value;
    }

    const std::vector<double> &bounds() const noexcept { return bounds_; }
    /// Returns the number of values in each interval, the one beyond the last bound included.
    const std::vector<std::uint64_t> &counts() const noexcept { return counts_; }
    double sum() const noexcept { return sum_; }

private:
    std::vector<double> bounds_;
    std::vector<std::uint64_t> counts_;
    double sum_ = 0;
};

/// What came of the statuses in committed webhooks, in the order of apply_message_status_batch's columns. Those
/// received are the applied, unchanged and rejected ones together; ignored parts of webhooks are no status.
inline constexpr std::array<std::string_view, 5> status_outcomes{"received", "applied", "unchanged", "rejected",
                                                                 "ignored"};
using StatusCounts = std::array<std::uint64_t, status_outcomes.size()>;

/// Counters by the value of a label, a literal.
using Counters = std::map<std::string_view, std::uint64_t>;

/// How many alerts of a rule are active: a row of msgstatus.alert_counts().
struct AlertCount {
    std::string name;
    std::string severity;
    std::uint64_t active = 0;
};

/// The counters. What can be named beforehand starts at 0 instead of being absent, so that the first increase of a
/// counter is seen as one.
struct Metrics {
    /// Counts an answer on the webhook listener.
    /// @param seconds  from the first byte of the request to the answer
    void count_request(std::string_view route, unsigned code, double seconds);

    std::map<std::pair<std::string_view, unsigned>, std::uint64_t> requests; ///< by route and status code
    std::map<std::string_view, Histogram> request_seconds;                   ///< by route
    Counters unavailable{{"memory", 0}, {"queue", 0}, {"database", 0}, {"spool", 0}, {"timeout", 0}, {"stopping", 0}};
    Counters signature_failures{{"meta", 0}, {"twilio", 0}, {"aisensy", 0}, {"webhook", 0}}; ///< by provider
    Counters rate_limited{{"address", 0}, {"all", 0}};                                       ///< by limit
    std::uint64_t addresses_refused = 0; ///< requests from where none may come
    std::map<std::string_view, StatusCounts> statuses{{"meta", {}}, {"twilio", {}}, {"aisensy", {}}, {"webhook", {}}};
    std::uint64_t bodies_committed = 0;
    std::uint64_t bodies_kept_as_text = 0;
    std::uint64_t bodies_unavailable = 0;
    std::uint64_t bodies_spooled = 0; ///< put on disk and answered
    std::uint64_t bodies_drained = 0; ///< committed, or kept as text, from there
    std::uint64_t spool_failures = 0; ///< bodies that could not be put on disk
    std::uint64_t batches_failed = 0;
    std::uint64_t connects = 0;
    std::uint64_t reconnects = 0;
    std::uint64_t reloads = 0; ///< of certificate and secrets
    std::uint64_t reload_failures = 0;
    std::uint64_t connect_failures = 0;
    Histogram batch_size{{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}};
    Histogram batch_seconds{{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}};
    std::vector<AlertCount> alerts; ///< as the database last told; empty where it cannot
    std::chrono::system_clock::time_point start_time = std::chrono::system_clock::now(); ///< of the program
};

/// What waits on disk; all 0 without a spool.
struct SpoolGauges {
    std::uint64_t bodies = 0;
    std::uint64_t bytes = 0;
    std::uint64_t limit_bytes = 0;
    double oldest_age = 0; ///< seconds since the receipt of the body that waits longest
};

/// What is read off at the moment of asking.
struct Gauges {
    std::size_t queue_depth = 0;
    std::size_t queue_limit = 0;
    std::size_t buffer_bytes = 0;
    std::size_t buffer_limit = 0;
    std::size_t connections = 0;
    std::size_t connections_limit = 0;
    std::uint64_t refused_connections = 0; ///< because their address had too many
    std::uint64_t evicted_connections = 0; ///< closed to make room for others
    std::uint64_t failed_handshakes = 0;
    std::optional<std::chrono::system_clock::time_point> certificate_expiry; ///< with TLS
    std::size_t lanes = 0;
    std::size_t lanes_connected = 0;
    SpoolGauges spool;
    bool spool_ready = false; ///< webhooks can be put on disk
};

/// Returns everything in Prometheus' text format, version 0.0.4. docs/operations/monitoring.md lists it.
std::string prometheus_text(const Metrics &metrics, const Gauges &gauges);

} // namespace msgstatus::receiver
