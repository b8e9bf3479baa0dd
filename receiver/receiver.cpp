#include "receiver.hpp"

#include <array>
#include <csignal>
#include <ctime>
#include <stdexcept>
#include <utility>

#include <sys/resource.h>

#include "base/spawn.hpp"
#include "commands/part_settings.hpp"
#include "observe/log.hpp"
#include "service/service.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t admin_body_limit = 64 * kibibyte;
constexpr std::size_t admin_connections = 64;
constexpr std::size_t other_descriptors = 64;        // lanes aside: the spool's, listeners, timers
constexpr std::chrono::milliseconds disk_time(5000); // for the spool to take what is not committed
constexpr std::chrono::milliseconds last_words(500); // for the answers of those who waited in vain to go out

HttpLimits http_limits(HttpLimits limits, std::size_t body_limit, std::size_t max_connections) {
    limits.body_limit = body_limit;
    limits.max_connections = max_connections;
    return limits;
}

// Reads certificate and key; null where there are none.
std::shared_ptr<TlsContext> load_tls(const Config &config) {
    if (config.tls_certificate_file.empty())
        return nullptr;
    auto tls = std::make_shared<TlsContext>(config.tls_certificate_file, config.tls_key_file);
    const std::time_t expiry = std::chrono::system_clock::to_time_t(tls->not_after());
    std::tm parts{};
    gmtime_r(&expiry, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    log(LogLevel::info, "certificate", {{"file", config.tls_certificate_file}, {"expires", text.data()}});
    return tls;
}

// Raises the soft limit of open files, as far as the hard one allows, and returns how many connections there may be, so
// that lanes, spool and admin listener have descriptors left whatever clients do.
std::size_t affordable_connections(const Config &config) {
    const std::size_t others = admin_connections + config.lanes + other_descriptors;
    const std::size_t wanted = config.http.max_connections + others;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return config.http.max_connections;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return config.http.max_connections;
    const std::size_t connections = limit.rlim_cur > 2 * others ? limit.rlim_cur - others : limit.rlim_cur / 2;
    log(LogLevel::warning, "the limit of open files is low",
        {{"limit", limit.rlim_cur}, {"wanted", wanted}, {"connections", connections}});
    return connections;
}

} // namespace

Receiver::Receiver(Config config)
    : config_(std::move(config)), budget_(config_.buffer_max_bytes, config_.http.body_limit),
      admin_budget_(admin_connections * admin_body_limit), pool_(context_, lane_settings(config_), metrics_),
      webhook_routes_(config_, pool_, metrics_), admin_routes_(metrics_, [this] { return gauges(); }),
      webhook_server_(context_, webhook_routes_, budget_,
                      http_limits(config_.http, config_.http.body_limit, affordable_connections(config_))),
      admin_server_(context_, admin_routes_, admin_budget_,
                    http_limits(config_.http, admin_body_limit, admin_connections)),
      tls_(load_tls(config_)), signals_(context_, SIGTERM, SIGINT, SIGHUP), timer_(context_.get_executor()) {
    webhook_server_.use_tls(tls_);
    if (config_.spool_dir.empty())
        return;
    spool_ = std::make_unique<Spool>(context_, spool_settings(config_), pool_, metrics_);
    pool_.use_backlog(*spool_);
}

Gauges Receiver::gauges() const {
    return {.queue_depth = pool_.queue_depth(),
            .queue_limit = config_.queue_max,
            .buffer_bytes = budget_.used(),
            .buffer_limit = config_.buffer_max_bytes,
            .connections = webhook_server_.connections(),
            .connections_limit = webhook_server_.limits().max_connections,
            .refused_connections = webhook_server_.counters().refused,
            .evicted_connections = webhook_server_.counters().evicted,
            .failed_handshakes = webhook_server_.counters().failed_handshakes,
            .certificate_expiry = tls_ ? std::optional(tls_->not_after()) : std::nullopt,
            .lanes = pool_.lanes(),
            .lanes_connected = pool_.lanes_connected(),
            .spool = spool_ ? spool_->gauges() : SpoolGauges{},
            .spool_ready = spool_ && spool_->has_room()};
}

void Receiver::listen() {
    const auto listen_on = [this](Server &server, const Endpoint &endpoint, const char *setting, bool reuse_port) {
        try {
            const std::optional<int> inherited = inherited_socket(setting);
            const Endpoint bound = inherited ? server.adopt(*inherited) : server.listen(endpoint, reuse_port);
            log(LogLevel::info, "listening", {{"listener", setting}, {"address", bound.host}, {"port", bound.port}});
        } catch (const boost::system::system_error &error) {
            throw std::runtime_error(std::string(setting) + ": cannot listen on " + endpoint.host + ":" +
                                     std::to_string(endpoint.port) + ": " + error.code().message());
        }
    };
    listen_on(webhook_server_, config_.listen, "listen", config_.reuse_port);
    if (config_.admin_listen)
        listen_on(admin_server_, *config_.admin_listen, "admin-listen", false);
}

void Receiver::run() {
    std::signal(SIGPIPE, SIG_IGN); // a client that goes away is an error of write, nothing more
    std::signal(SIGXFSZ, SIG_IGN); // so is a limit on the size of files
    listen();
    if (spool_)
        spool_->start();
    pool_.start();
    spawn(context_, obey_signals());
    spawn(context_, feed_watchdog());
    notify_service_manager("READY=1");
    context_.run();
    log(LogLevel::info, "stopped");
}

// Tells the service manager, twice as often as it asks for, that the thread still comes round.
Awaitable<> Receiver::feed_watchdog() {
    const std::chrono::microseconds interval(environment_number("WATCHDOG_USEC") / 2);
    Event later(context_.get_executor());
    while (interval.count() > 0) {
        notify_service_manager("WATCHDOG=1");
        co_await later.wait(Clock::now() + interval);
    }
}

Awaitable<> Receiver::obey_signals() {
    while (true) {
        error_code ec;
        const int signal = co_await signals_.async_wait(awaiting(ec));
        if (ec)
            co_return;
        if (signal == SIGHUP)
            reload();
        else if (draining_)
            stop_waiting();
        else
            drain();
    }
}

// Takes certificate, key and secrets as they are in their files now: all of them, or none.
void Receiver::reload() {
    notify_reloading();
    try {
        Secrets secrets = reload_secrets(config_);
        std::shared_ptr<TlsContext> tls = load_tls(config_);
        webhook_routes_.use_secrets(secrets);
        config_.secrets = std::move(secrets);
        tls_ = std::move(tls);
        webhook_server_.use_tls(tls_);
        ++metrics_.reloads;
        log(LogLevel::info, "reloaded");
    } catch (const std::exception &error) {
        ++metrics_.reload_failures;
        log(LogLevel::error, "reload failed", {{"reason", error.what()}});
    }
    notify_service_manager("READY=1");
}

void Receiver::drain() {
    draining_ = true;
    notify_service_manager("STOPPING=1");
    log(LogLevel::info, "draining",
        {{"connections", webhook_server_.connections()}, {"queue_depth", pool_.queue_depth()}});
    admin_routes_.stop_being_ready();
    if (spool_)
        spool_->stop_draining();
    set_timer(config_.drain_timeout, [this] { stop_waiting(); });
    webhook_server_.drain([this] { stop_pool([this] { context_.stop(); }); });
}

// Puts on disk what is not committed, or answers it 503, and ends.
void Receiver::stop_waiting() {
    log(LogLevel::warning, "drain cut short",
        {{"connections", webhook_server_.connections()}, {"queue_depth", pool_.queue_depth()}});
    set_timer(disk_time, [this] { context_.stop(); });
    stop_pool([this] { set_timer(last_words, [this] { context_.stop(); }); });
}

// Does something later, instead of what was to be done then.
void Receiver::set_timer(std::chrono::milliseconds time, std::function<void()> then) {
    timer_.expires_after(time);
    timer_.async_wait([then = std::move(then)](error_code cancelled) {
        if (!cancelled)
            then();
    });
}

// Stops the lanes and calls `done` when the spool, too, has answered.
void Receiver::stop_pool(std::function<void()> done) {
    pool_.stop();
    if (spool_)
        spool_->finish(std::move(done));
    else
        done();
}

} // namespace msgstatus::receiver
