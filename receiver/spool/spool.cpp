#include "spool/spool.hpp"

#include <algorithm>
#include <utility>

#include "database/lane_pool.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::chrono::milliseconds tick_interval(100);
constexpr std::chrono::seconds look_again_interval(2);

} // namespace

Spool::Spool(boost::asio::io_context &context, const SpoolSettings &settings, LanePool &pool, Metrics &metrics)
    : context_(context), settings_(settings), intake_(*this, metrics),
      drain_(context, *this, pool, metrics, settings.batch_max, settings.batch_max_bytes),
      timer_(context.get_executor()), thread_(context, settings.directory, settings.limits) {}

void Spool::start() {
    tick();
}

void Spool::tick() {
    const Clock::time_point now = Clock::now();
    if (!state_.open && !opening_ && now >= open_again_at_) {
        opening_ = true;
        run([](SpoolWorker &worker) { return worker.open(); }, [this](SpoolReport &&) { opening_ = false; });
    }
    drain_.go_on();
    timer_.expires_after(tick_interval);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled)
            tick();
    });
}

void Spool::run(SpoolThread::Operation operation, SpoolThread::Then then) {
    thread_.run(std::move(operation), [this, then = std::move(then)](SpoolReport &&report) {
        note(report);
        then(std::move(report));
    });
}

void Spool::post(std::function<void()> later) {
    boost::asio::post(context_, std::move(later));
}

// note does take over the state that an operation left, and log what an operator should know of it.
void Spool::note(const SpoolReport &report) {
    state_ = report.state;
    tried_ = true;
    if (!state_.open)
        open_again_at_ = Clock::now() + look_again_interval;
    if (report.failure == SpoolError::Kind::full)
        full_until_ = Clock::now() + look_again_interval;
    if (!report.set_aside.empty())
        log(LogLevel::error, "spool set aside", {{"reason", report.reason}, {"kept_as", report.set_aside}});
    else if (report.failure && failure_log_.admit())
        log_failure(report);
    if (report.opened && state_.open)
        log(LogLevel::info, "spool open",
            {{"directory", settings_.directory}, {"bodies", state_.depth}, {"bytes", state_.bytes}});
}

void Spool::log_failure(const SpoolReport &report) {
    const std::uint64_t suppressed = failure_log_.take_suppressed();
    if (report.failure == SpoolError::Kind::full)
        log(LogLevel::error, "spool full",
            {{"reason", report.reason}, {"bytes", state_.bytes}, {"suppressed", suppressed}});
    else
        log(LogLevel::error, "spool not usable", {{"reason", report.reason}, {"suppressed", suppressed}});
}

void Spool::finish(std::function<void()> done) {
    finished_ = std::move(done);
    intake_done();
}

void Spool::intake_done() {
    if (finished_ && intake_.is_idle())
        post(std::exchange(finished_, nullptr));
}

SpoolGauges Spool::gauges() const {
    double oldest_age = 0;
    if (state_.oldest)
        oldest_age = std::max(0.0, static_cast<double>(postgres_now() - *state_.oldest) / 1e6);
    return {.bodies = state_.depth,
            .bytes = state_.bytes,
            .limit_bytes = settings_.limits.max_bytes,
            .oldest_age = oldest_age};
}

} // namespace msgstatus::receiver
