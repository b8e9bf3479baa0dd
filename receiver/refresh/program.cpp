#include "refresh/program.hpp"

#include <algorithm>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/signal_set.hpp>

#include "base/spawn.hpp"
#include "http/server.hpp"
#include "observe/log.hpp"
#include "refresh/keeper.hpp"
#include "refresh/worker.hpp"
#include "service/service.hpp"

namespace msgstatus::refresh {
namespace {

using namespace std::chrono_literals;
using boost::beast::http::verb;
using receiver::Answer;
using receiver::AnswerTo;
using receiver::Awaitable;
using receiver::log;
using receiver::LogLevel;
using receiver::Request;

constexpr std::size_t admin_connections = 16;
constexpr std::size_t admin_body_limit = 64 * receiver::kibibyte;
constexpr receiver::HttpLimits admin_limits() {
    receiver::HttpLimits limits;
    limits.body_limit = admin_body_limit;
    limits.max_connections = admin_connections;
    limits.tls_handshake_timeout = limits.header_timeout = limits.body_timeout = 10s;
    limits.idle_timeout = 75s;
    limits.request_timeout = 10s;
    return limits;
}

// Answers those who watch the program: /healthz, /readyz, /metrics.
class AdminRoutes : public receiver::RequestHandler {
public:
    explicit AdminRoutes(Shared &shared) : shared_(shared) {}

    std::optional<Answer> check_head(Request &request) override {
        const std::string_view path = request.path();
        if (path != "/healthz" && path != "/readyz" && path != "/metrics")
            return receiver::error_answer(404, "no such route");
        if (request.method != verb::get && request.method != verb::head)
            return receiver::error_answer(405, "method not allowed", "Allow: GET, HEAD\r\n");
        return std::nullopt;
    }

    void handle(Request &request, AnswerTo to) override {
        Answer answer = receiver::json_answer(R"({"status":"ok"})");
        if (request.path() == "/readyz") {
            answer = readiness();
        } else if (request.path() == "/metrics") {
            const State state = shared_.state();
            answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
            answer.body = prometheus_text(shared_.metrics(), state != State::not_configured, state == State::refused);
        }
        to.send(std::move(answer));
    }

private:
    Answer readiness() const {
        if (shared_.stopped())
            return receiver::unavailable_answer("stopping", "stopping");
        if (shared_.state() == State::not_configured)
            return receiver::unavailable_answer("not_configured", "Twilio client not configured");
        if (shared_.state() == State::refused)
            return receiver::unavailable_answer("refused", "Twilio refused the credentials");
        if (shared_.metrics().connections == 0)
            return receiver::unavailable_answer("database", "there is no connection to the database");
        return receiver::json_answer(R"({"status":"ready"})");
    }

    Shared &shared_;
};

// Serves the admin listener and obeys signals until the program is to end.
class Watch {
public:
    explicit Watch(Shared &shared)
        : shared_(shared), routes_(shared), budget_(admin_connections * admin_body_limit),
          server_(context_, routes_, budget_, admin_limits()), signals_(context_, SIGTERM, SIGINT, SIGHUP) {
        const std::optional<receiver::Endpoint> &endpoint = shared.config().admin_listen;
        if (endpoint && !shared.config().once) {
            try {
                const receiver::Endpoint bound = server_.listen(*endpoint, false);
                log(LogLevel::info, "listening",
                    {{"listener", "admin-listen"}, {"address", bound.host}, {"port", bound.port}});
            } catch (const boost::system::system_error &error) {
                throw std::runtime_error("admin-listen: cannot listen on " + endpoint->host + ":" +
                                         std::to_string(endpoint->port) + ": " + error.code().message());
            }
        }
        receiver::spawn(context_, obey_signals());
    }

    void run() { context_.run(); }

    /// Makes run() return; from any thread.
    void end() { context_.stop(); }

private:
    Awaitable<> obey_signals() {
        while (true) {
            boost::system::error_code ec;
            const int signal = co_await signals_.async_wait(receiver::awaiting(ec));
            if (ec)
                co_return;
            if (signal == SIGHUP) {
                reload();
                continue;
            }
            receiver::notify_service_manager("STOPPING=1");
            log(LogLevel::info, "stopping");
            shared_.stop();
            context_.stop();
            co_return;
        }
    }

    void reload() {
        receiver::notify_reloading();
        try {
            shared_.use(reload_credentials(shared_.config()));
            log(LogLevel::info, "reloaded");
        } catch (const std::exception &error) {
            log(LogLevel::error, "reload failed", {{"reason", error.what()}});
        }
        receiver::notify_service_manager("READY=1");
    }

    Shared &shared_;
    boost::asio::io_context context_{1};
    AdminRoutes routes_;
    receiver::BufferBudget budget_;
    receiver::Server server_;
    boost::asio::signal_set signals_;
};

// Threads leave all signals to the main one.
template <class Work>
std::thread start_thread(Work work) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(work));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

} // namespace

int run(const Config &config) {
    std::signal(SIGPIPE, SIG_IGN);
    Shared shared(config);
    const std::string name = worker_name();
    Keeper keeper(shared, name);
    if (config.dry_run) {
        keeper.print_due();
        return 0;
    }
    if (shared.state() == State::not_configured)
        log(LogLevel::warning, "Twilio client not configured",
            {{"hint", "set twilio-account-sid, twilio-api-key and twilio-api-secret-file"}});
    if (config.once)
        keeper.keep();

    Watch watch(shared);
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < config.concurrency; ++i)
        workers.push_back(std::make_unique<Worker>(shared, name, i == 0));
    std::atomic<std::size_t> working = workers.size();
    for (const auto &worker : workers)
        threads.push_back(start_thread([&shared, &watch, &working, worker = worker.get()] {
            worker->run();
            if (--working == 0 && shared.config().once)
                watch.end();
        }));
    if (!config.once)
        threads.push_back(start_thread([&keeper] { keeper.run(); }));
    receiver::notify_service_manager("READY=1");
    watch.run();
    for (std::thread &thread : threads)
        thread.join();
    log(LogLevel::info, "stopped");
    return config.once && !std::all_of(workers.begin(), workers.end(), [](const auto &w) { return w->succeeded(); })
               ? 1
               : 0;
}

} // namespace msgstatus::refresh
