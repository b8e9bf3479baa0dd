// Calls of one SQL statement from several clients at once, as fast as the server takes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

// One call: the parameters of the statement, in PostgreSQL's text format.
using Call = std::vector<std::string>;

struct Measurement {
    double seconds;    // from the first call to the last answer
    double server_cpu; // CPU seconds of the backends
    double client_cpu; // CPU seconds of this process
    double p50, p99;   // time of a call in milliseconds
};

// Makes every call once, on `clients` connections that take the next call as soon as they are free. The
// connections come from the PG* environment variables. Each makes the call `warm_up` ten times before the clock starts,
// and rolls it back, so that plans and caches are there. Throws std::runtime_error.
Measurement run_calls(const std::string &statement, const Call &warm_up, const std::vector<Call> &calls,
                      unsigned clients);

} // namespace bench
