// What the program counts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace msgstatus::refresh {

using Counter = std::atomic<std::uint64_t>;

/// What became of a request.
enum class Result : std::uint8_t { ok, not_found, refused, throttled, server_error, timeout, connection, unusable };
inline constexpr std::array result_names{"ok",           "not_found", "refused",    "throttled",
                                         "server_error", "timeout",   "connection", "unusable"};

/// What came of a message.
enum class Outcome : std::uint8_t { changed, unchanged, unknown, failed, later };
inline constexpr std::array outcome_names{"changed", "unchanged", "unknown", "failed", "later"};

struct Metrics {
    std::array<Counter, result_names.size()> requests{};
    std::array<Counter, outcome_names.size()> messages{};
    Counter stuck{}; ///< asked for because they were
    Counter reconciliations{};
    Counter reconciliations_failed{};
    Counter listed_pages{};
    Counter listed_messages{};
    Counter listed_changed{};
    Counter listed_discovered{};
    Counter database_errors{};
    std::atomic<int> connections{};          ///< to the database
    std::atomic<std::int64_t> last_answer{}; ///< of Twilio, in seconds since 1970

    void count(Result result) { ++requests[static_cast<std::size_t>(result)]; }
    void count(Outcome outcome) { ++messages[static_cast<std::size_t>(outcome)]; }
};

/// Returns the metrics in Prometheus' text format.
std::string prometheus_text(const Metrics &metrics, bool configured, bool refused);

} // namespace msgstatus::refresh
