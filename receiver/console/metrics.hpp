// What the console counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "observe/metrics.hpp"

namespace msgstatus::receiver {

struct ConsoleMetrics {
    void count_query(std::string_view function, double seconds);

    std::map<std::pair<std::string_view, unsigned>, std::uint64_t> requests; ///< by path of the route and status code
    std::map<std::string_view, Histogram> query_seconds;                     ///< by function
    Counters sign_ins{{"password", 0}, {"proxy", 0}};
    Counters refused_sign_ins{{"password", 0}, {"guessing", 0}, {"database", 0},
                              {"role", 0},     {"rights", 0},   {"full", 0}}; ///< by reason
    std::uint64_t cancelled_queries = 0;                                      ///< whose client has left
};

/// Returns everything in Prometheus' text format. docs/operations/console.md lists it.
std::string prometheus_text(const ConsoleMetrics &metrics, std::size_t sessions, std::size_t connections);

} // namespace msgstatus::receiver
