// msgstatus-bench-client makes the statuses of the benchmark and sends them, or writes them for others to send.
#include "arrivals.hpp"
#include "bodies.hpp"
#include "calls.hpp"
#include "cpu_time.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace {

namespace po = boost::program_options;
using namespace bench;

struct Options {
    std::uint32_t messages = 0;
    std::string order;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::size_t per_call = 0;
    unsigned clients = 0;
    std::string body_statement;
    std::string range_statement;
    std::string bodies;
    std::size_t parts = 0;
    std::string secret;
    ArrivalOptions arrivals;
    std::string results;
};

Order order_of(const std::string &name) {
    if (name == "loaded")
        return Order::loaded;
    if (name == "updates")
        return Order::updates;
    if (name == "lifecycle")
        return Order::lifecycle;
    throw std::runtime_error("--order is loaded, updates or lifecycle");
}

std::vector<Call> body_calls(std::span<const Status> statuses, std::size_t per_call) {
    std::vector<Call> calls;
    for (std::size_t i = 0; i < statuses.size(); i += per_call)
        calls.push_back({webhook_body(statuses.subspan(i, std::min(per_call, statuses.size() - i)))});
    return calls;
}

std::vector<Call> range_calls(std::uint64_t first, std::uint64_t count, std::size_t per_call) {
    std::vector<Call> calls;
    for (std::uint64_t i = 0; i < count; i += per_call)
        calls.push_back(
            {std::to_string(first + i), std::to_string(first + std::min<std::uint64_t>(i + per_call, count))});
    return calls;
}

void print(const Measurement &m, std::uint64_t statuses) {
    std::printf(R"({"statuses":%llu,"seconds":%.6f,"server_cpu":%.6f,"client_cpu":%.6f,"p50_ms":%.4f,"p99_ms":%.4f})"
                "\n",
                static_cast<unsigned long long>(statuses), m.seconds, m.server_cpu, m.client_cpu, m.p50, m.p99);
}

// Sends each status in a webhook of its own and writes an Arrival for each to a file.
void send(const Options &options, const std::vector<Status> &statuses) {
    const auto webhook = [&](std::size_t n) {
        Webhook made{"", webhook_body({&statuses[n], 1})};
        if (!options.secret.empty())
            made.headers = "X-Hub-Signature-256: " + signature_of(made.body, options.secret) + "\r\n";
        return made;
    };
    const std::vector<Arrival> results = run_arrivals(options.arrivals, statuses.size(), webhook);
    std::ofstream file(options.results, std::ios::binary);
    file.write(reinterpret_cast<const char *>(results.data()),
               static_cast<std::streamsize>(results.size() * sizeof(Arrival)));
    if (!file.flush())
        throw std::runtime_error("cannot write " + options.results);
    std::printf(R"({"client_cpu":%.6f})"
                "\n",
                own_cpu_seconds());
}

int run(const Options &options) {
    const Order order = order_of(options.order);
    const std::uint64_t size = size_of(order, options.messages);
    const std::uint64_t count = options.count == 0 ? size : options.count;
    if (options.per_call == 0 || options.parts == 0 || options.clients == 0)
        throw std::runtime_error("--per-call, --parts and --clients are at least 1");
    if (options.first + count > size)
        throw std::runtime_error("the order has only " + std::to_string(size) + " statuses");

    if (!options.range_statement.empty()) {
        const auto calls = range_calls(options.first, count, options.per_call);
        print(run_calls(options.range_statement, range_calls(options.first, 1, 1)[0], calls, options.clients), count);
        return 0;
    }
    const std::vector<Status> statuses = shuffled_statuses(order, options.messages, options.first, count);
    if (!options.body_statement.empty())
        print(run_calls(options.body_statement, {webhook_body({statuses.data(), 1})},
                        body_calls(statuses, options.per_call), options.clients),
              count);
    else if (options.arrivals.rate > 0)
        send(options, statuses);
    else if (!options.bodies.empty())
        write_bodies(statuses, options.per_call, options.bodies, options.parts, options.secret);
    else
        write_rows(statuses, options.first);
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    po::options_description description("msgstatus-bench-client, the load generator of `make bench`");
    auto add = description.add_options();
    add("help", "print this");
    add("messages", po::value(&o.messages)->default_value(1'000'000), "number of messages");
    add("order", po::value(&o.order)->default_value("updates"), "loaded, updates or lifecycle (client/workload.hpp)");
    add("first", po::value(&o.first)->default_value(0), "first status of the order");
    add("count", po::value(&o.count)->default_value(0), "number of statuses, 0: all");
    add("per-call", po::value(&o.per_call)->default_value(100), "statuses in one call or body");
    add("clients", po::value(&o.clients)->default_value(4), "connections");
    add("body-statement", po::value(&o.body_statement),
        "call this with a webhook body as $1; prints what it took as JSON");
    add("range-statement", po::value(&o.range_statement),
        "call this with the numbers of the first status as $1 and of the one after the last as $2");
    add("bodies", po::value(&o.bodies), "write bodies, one a line, to FILE.0, FILE.1, ...");
    add("parts", po::value(&o.parts)->default_value(1), "number of such files");
    add("secret", po::value(&o.secret), "begin each line with Meta's signature by this secret; sign what is sent");
    add("rate", po::value(&o.arrivals.rate), "send one status a webhook over HTTP, so many a second");
    add("host", po::value(&o.arrivals.host)->default_value("127.0.0.1"), "with --rate: to whom");
    add("port", po::value(&o.arrivals.port), "with --rate: to which port");
    add("path", po::value(&o.arrivals.path)->default_value("/webhook"), "with --rate: to which path");
    add("connections", po::value(&o.arrivals.connections)->default_value(64), "with --rate: keep-alive connections");
    add("results", po::value(&o.results), "with --rate: the file for what came of each (client/arrivals.hpp)");
    try {
        po::variables_map values;
        po::store(po::parse_command_line(argc, argv, description), values);
        po::notify(values);
        if (values.count("help") != 0) {
            std::cout << description
                      << "Without a statement and --bodies it writes rows for COPY to standard output.\n";
            return 0;
        }
        return run(o);
    } catch (const std::exception &error) {
        std::cerr << "msgstatus-bench-client: " << error.what() << '\n';
        return 1;
    }
}
