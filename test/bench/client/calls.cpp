#include "calls.hpp"

#include "cpu_time.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <exception>
#include <libpq-fe.h>
#include <memory>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Finish {
    void operator()(PGconn *connection) const { PQfinish(connection); }
    void operator()(PGresult *result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Result = std::unique_ptr<PGresult, Finish>;

void check(PGconn *connection, const Result &result) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        throw std::runtime_error(PQerrorMessage(connection));
}

Connection connect(const std::string &statement) {
    Connection connection(PQconnectdb("application_name=msgstatus-bench"));
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection.get()));
    check(connection.get(), Result(PQprepare(connection.get(), "call", statement.c_str(), 0, nullptr)));
    return connection;
}

void execute(PGconn *connection, const char *statement) {
    check(connection, Result(PQexec(connection, statement)));
}

void make_call(PGconn *connection, const Call &call) {
    std::vector<const char *> values;
    for (const std::string &value : call)
        values.push_back(value.c_str());
    check(connection, Result(PQexecPrepared(connection, "call", static_cast<int>(values.size()), values.data(), nullptr,
                                            nullptr, 0)));
}

double quantile(const std::vector<double> &sorted, double q) {
    return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

} // namespace

Measurement run_calls(const std::string &statement, const Call &warm_up, const std::vector<Call> &calls,
                      unsigned clients) {
    std::vector<Connection> connections;
    for (unsigned i = 0; i < clients; ++i)
        connections.push_back(connect(statement));
    for (const Connection &connection : connections) {
        for (int i = 0; i < 10; ++i) {
            execute(connection.get(), "BEGIN");
            make_call(connection.get(), warm_up);
            execute(connection.get(), "ROLLBACK");
        }
    }

    const auto server_cpu = [&] {
        double sum = 0;
        for (const Connection &connection : connections)
            sum += cpu_seconds(PQbackendPID(connection.get()));
        return sum;
    };
    std::atomic<std::size_t> next = 0;
    std::vector<std::vector<double>> latencies(clients);
    std::vector<std::exception_ptr> failures(clients);
    std::barrier start(static_cast<std::ptrdiff_t>(clients) + 1);
    const auto work = [&](unsigned client) {
        start.arrive_and_wait();
        try {
            for (std::size_t i = next++; i < calls.size(); i = next++) {
                const auto begin = Clock::now();
                make_call(connections[client].get(), calls[i]);
                latencies[client].push_back(seconds_between(begin, Clock::now()) * 1e3);
            }
        } catch (...) {
            failures[client] = std::current_exception();
            next = calls.size();
        }
    };

    std::vector<std::thread> threads;
    for (unsigned client = 0; client < clients; ++client)
        threads.emplace_back(work, client);
    const double server_cpu_before = server_cpu();
    const double client_cpu_before = own_cpu_seconds();
    const auto begin = Clock::now();
    start.arrive_and_wait();
    for (std::thread &thread : threads)
        thread.join();
    Measurement measured{};
    measured.seconds = seconds_between(begin, Clock::now());
    measured.server_cpu = server_cpu() - server_cpu_before;
    measured.client_cpu = own_cpu_seconds() - client_cpu_before;
    for (const std::exception_ptr &failure : failures)
        if (failure)
            std::rethrow_exception(failure);

    std::vector<double> all;
    for (const auto &some : latencies)
        all.insert(all.end(), some.begin(), some.end());
    std::sort(all.begin(), all.end());
    measured.p50 = quantile(all, 0.5);
    measured.p99 = quantile(all, 0.99);
    return measured;
}

} // namespace bench
