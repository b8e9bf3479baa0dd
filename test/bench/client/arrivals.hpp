// Webhooks that arrive at a constant rate, whether or not the earlier ones are answered.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

// One request, written to a file as it stands.
struct Arrival {
    float at;           // when it was due, in seconds from the start
    float seconds;      // from then to its answer
    std::uint32_t code; // status code of the answer; 0 if there was none
};

struct ArrivalOptions {
    std::string host;
    std::string port;
    std::string path;
    double rate = 0; // webhooks a second
    std::size_t connections = 0;
};

// The n-th webhook: whole header lines, each with its CRLF, and the body.
struct Webhook {
    std::string headers;
    std::string body;
};

// Sends `count` webhooks, the n-th n / rate seconds after the start, each on a connection that is free. If
// none is, it waits, and the wait counts: so a server that stands still shows in every request that was due meanwhile.
// A webhook without an answer half a minute after the last one was due counts as not answered. Throws
// boost::system::system_error if the host has no address.
std::vector<Arrival> run_arrivals(const ArrivalOptions &options, std::size_t count,
                                  const std::function<Webhook(std::size_t)> &webhook);

} // namespace bench
