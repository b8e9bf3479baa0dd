#include "console/console.hpp"

#include <csignal>
#include <stdexcept>
#include <utility>

#include <sys/resource.h>

#include "base/spawn.hpp"
#include "observe/log.hpp"
#include "service/service.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t admin_body_limit = 64 * kibibyte;
constexpr std::size_t admin_connections = 64;
constexpr std::size_t body_memory = 32 * mebibyte;

HttpLimits admin_limits(HttpLimits limits) {
    limits.body_limit = admin_body_limit;
    limits.max_connections = admin_connections;
    limits.max_connections_per_address = 0;
    return limits;
}

std::shared_ptr<TlsContext> load_tls(const ConsoleConfig &config) {
    if (config.tls_certificate_file.empty())
        return nullptr;
    return std::make_shared<TlsContext>(config.tls_certificate_file, config.tls_key_file);
}

// Clients and sessions have a descriptor each.
void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace

std::optional<Answer> ConsoleWatch::check_head(Request &request) {
    if (request.path() != "/healthz" && request.path() != "/metrics")
        return error_answer(404, "no such route");
    if (request.method != boost::beast::http::verb::get && request.method != boost::beast::http::verb::head)
        return error_answer(405, "method not allowed", "Allow: GET, HEAD\r\n");
    return std::nullopt;
}

void ConsoleWatch::handle(Request &request, AnswerTo to) {
    Answer answer = json_answer(R"({"status":"ok"})");
    if (request.path() == "/metrics") {
        answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
        answer.body = metrics_();
    }
    to.send(std::move(answer));
}

Console::Console(ConsoleConfig config)
    : config_(std::move(config)), budget_(body_memory, config_.http.body_limit),
      admin_budget_(admin_connections * admin_body_limit), desk_(context_, config_, metrics_),
      watch_([this] { return prometheus_text(metrics_, desk_.visitors().size(), server_.connections()); }),
      server_(context_, desk_, budget_, config_.http),
      admin_server_(context_, watch_, admin_budget_, admin_limits(config_.http)),
      signals_(context_, SIGTERM, SIGINT, SIGHUP), timer_(context_.get_executor()) {
    server_.use_tls(load_tls(config_));
}

void Console::listen() {
    const auto listen_on = [this](Server &server, const Endpoint &endpoint, const std::string &path,
                                  const char *setting) {
        try {
            const std::optional<int> inherited = inherited_socket(setting);
            const Endpoint bound = inherited      ? server.adopt(*inherited)
                                   : path.empty() ? server.listen(endpoint, false)
                                                  : server.listen(path);
            log(LogLevel::info, "listening", {{"listener", setting}, {"address", bound.host}, {"port", bound.port}});
            return bound.port;
        } catch (const boost::system::system_error &error) {
            throw std::runtime_error(std::string(setting) + ": cannot listen on " +
                                     (path.empty() ? endpoint.host + ":" + std::to_string(endpoint.port) : path) +
                                     ": " + error.code().message());
        }
    };
    desk_.gate().use_port(listen_on(server_, config_.listen, config_.listen_path, "listen"));
    if (config_.admin_listen)
        listen_on(admin_server_, *config_.admin_listen, "", "admin-listen");
}

void Console::run() {
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    listen();
    spawn(context_, obey_signals());
    spawn(context_, keep_order());
    notify_service_manager("READY=1");
    context_.run();
    log(LogLevel::info, "stopped");
}

// Ends sessions whose time is over, and tells the service manager that the thread still comes round.
Awaitable<> Console::keep_order() {
    Event later(context_.get_executor());
    while (true) {
        notify_service_manager("WATCHDOG=1");
        desk_.visitors().sweep();
        co_await later.wait(Clock::now() + std::chrono::seconds(1));
    }
}

Awaitable<> Console::obey_signals() {
    while (true) {
        error_code ec;
        const int signal = co_await signals_.async_wait(awaiting(ec));
        if (ec)
            co_return;
        if (signal == SIGHUP)
            reload();
        else if (draining_)
            context_.stop();
        else
            drain();
    }
}

void Console::reload() {
    notify_reloading();
    try {
        server_.use_tls(load_tls(config_));
        log(LogLevel::info, "reloaded");
    } catch (const std::exception &error) {
        log(LogLevel::error, "reload failed", {{"reason", error.what()}});
    }
    notify_service_manager("READY=1");
}

void Console::drain() {
    draining_ = true;
    notify_service_manager("STOPPING=1");
    log(LogLevel::info, "draining", {{"connections", server_.connections()}, {"sessions", desk_.visitors().size()}});
    timer_.expires_after(config_.drain_timeout);
    timer_.async_wait([this](error_code cancelled) {
        if (!cancelled)
            context_.stop();
    });
    server_.drain([this] {
        desk_.visitors().clear();
        context_.stop();
    });
}

} // namespace msgstatus::receiver
