#include "database/lane_pool.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>

namespace msgstatus::receiver {
namespace {

constexpr const char *apply_name = "msgstatus_apply";
constexpr const char *reject_name = "msgstatus_reject";

// A call without webhooks succeeds exactly where extension, tables and rights are there.
constexpr const char *probe_sql = "SELECT FROM msgstatus.apply_message_status_batch('{}', '{}', '{}')";

constexpr const char *prepare_sql =
    "PREPARE msgstatus_apply (jsonb[], timestamptz[], text[]) AS "
    "SELECT received, applied, unchanged, rejected, ignored FROM msgstatus.apply_message_status_batch($1, $2, $3); "
    "PREPARE msgstatus_reject (text, text, timestamptz, text) AS SELECT msgstatus.reject_webhook($1, $2, $3, $4); ";

// 200 means on disk, whatever the role, the database or the server is set to.
constexpr const char *durable_sql =
    "SELECT before, pg_catalog.current_setting('fsync'), "
    "pg_catalog.set_config('synchronous_commit', CASE before WHEN 'off' THEN 'on' ELSE before END, false) "
    "FROM pg_catalog.current_setting('synchronous_commit') AS before";

// Webhooks wait for the lane meanwhile: a lock that somebody holds on a table is not worth that.
constexpr const char *alerts_sql = "SET LOCAL lock_timeout = 100; " // milliseconds
                                   "SELECT name, severity, active FROM msgstatus.alert_counts()";
constexpr int alerts_columns = 3;

constexpr std::chrono::milliseconds shortest_backoff(100);
constexpr std::chrono::milliseconds longest_backoff(2000);
constexpr std::chrono::seconds setup_time(15);
constexpr std::chrono::seconds answer_slack(5); // beyond statement_timeout, which the server keeps by itself
constexpr unsigned most_retries = 5;
// If so many webhooks failed one by one and none succeeded, the fault is not with single webhooks.
constexpr std::size_t most_culprits = 8;

std::string masked_message(const PgResult &result) {
    return mask_personal_data(primary_message_of(result));
}

bool is_of_setup(const PgResult &result) {
    return !setup_hint(sqlstate_of(result), {}, {}).empty();
}

} // namespace

Lane::Lane(LanePool &pool, std::size_t number)
    : pool_(pool), number_(number), wake_(pool.context_.get_executor()),
      connection_(pool.context_.get_executor(), wake_), backoff_(shortest_backoff), random_(std::random_device()()) {}

Awaitable<> Lane::run() {
    while (state_ != State::stopped) {
        std::string reason;
        try {
            co_await connect();
            co_await work();
        } catch (const std::exception &error) { // the connection is lost, or there is no memory
            reason = error.what();
        }
        if (state_ == State::stopped)
            co_return;
        connection_.close("given up");
        lose(reason);
        // Full to half the interval, so that lanes and receivers do not come back all at once.
        std::uniform_int_distribution<std::int64_t> jitter(backoff_.count() / 2, backoff_.count());
        const Clock::time_point again = Clock::now() + std::chrono::milliseconds(jitter(random_));
        backoff_ = std::min(backoff_ * 2, longest_backoff);
        while (state_ != State::stopped && Clock::now() < again)
            co_await wake_.wait(again);
    }
}

Awaitable<> Lane::connect() {
    const LaneSettings &settings = pool_.settings_;
    co_await connection_.connect(settings.database);
    const char *encoding = PQparameterStatus(connection_.get(), "server_encoding");
    if (encoding == nullptr || encoding != std::string_view("UTF8"))
        refuse(std::string("the database's encoding is ") + (encoding != nullptr ? encoding : "unknown"),
               "Use a database made WITH ENCODING 'UTF8'.");
    connection_.query("SET statement_timeout = " + std::to_string(settings.statement_timeout.count()) +
                      "; SET lock_timeout = " + std::to_string(settings.lock_timeout.count()) + "; " + prepare_sql +
                      probe_sql + "; " + durable_sql);
    const PgResult result = co_await connection_.result(setup_time);
    if (!succeeded(result))
        refuse(result);
    const auto is_off = [&result](int column) { return PQgetlength(result.get(), 0, column) == 3; }; // "off"
    if ((is_off(0) || is_off(1)) && pool_.durability_log_.admit())
        log(LogLevel::warning, "commits are not durable",
            {{"lane", number_},
             {"reason", is_off(1) ? "fsync is off: a crash of the machine loses what was answered 200"
                                  : "synchronous_commit was off for the role or the database; the lane turned it on"}});
    state_ = State::idle;
    ++pool_.metrics_.connects;
    if (std::exchange(reconnecting_, false))
        ++pool_.metrics_.reconnects;
    log(LogLevel::info, "database connected", {{"lane", number_}});
    pool_.setup_problem_.clear();
}

// Gives the connection up because a command on it failed that is not about a webhook.
void Lane::refuse(const PgResult &result) const {
    refuse(masked_message(result),
           setup_hint(sqlstate_of(result), error_field(result, PG_DIAG_MESSAGE_HINT), PQuser(connection_.get())));
}

// Gives the connection up, and tells the operator how to set the database up if that is why.
void Lane::refuse(const std::string &reason, const std::string &hint) const {
    if (hint.empty())
        throw ConnectionLost(reason);
    if (pool_.setup_problem_is_due(reason))
        log(LogLevel::error, "the database is not set up",
            {{"lane", number_}, {"database", PQdb(connection_.get())}, {"reason", reason}, {"hint", hint}});
    throw ConnectionLost(""); // there is nothing more to say
}

// Gives back what was in flight. The connection is closed already.
void Lane::lose(const std::string &reason) {
    const bool was_connected = is_connected();
    state_ = State::away;
    answer_done();
    reconnecting_ = reconnecting_ || was_connected;
    if (!was_connected)
        ++pool_.metrics_.connect_failures;
    if (was_connected && !reason.empty())
        log(LogLevel::warning, "database connection lost", {{"lane", number_}, {"reason", mask_personal_data(reason)}});
    else if (!reason.empty() && pool_.connect_log_.admit())
        log(LogLevel::warning, "cannot connect to the database",
            {{"lane", number_}, {"reason", reason}, {"suppressed", pool_.connect_log_.take_suppressed()}});
    give_back(batch_.size(), Failure::unavailable);
    pool_.lane_lost();
}

Awaitable<> Lane::work() {
    while (true) {
        connection_.check();
        if (pool_.next_batch(batch_)) {
            state_ = State::busy;
            co_await carry();
            backoff_ = shortest_backoff;
            continue;
        }
        answer_done();
        if (pool_.alerts_are_due()) {
            state_ = State::busy;
            co_await ask_alerts();
        } else {
            state_ = State::idle;
            co_await wake_.wait();
        }
    }
}

// Calls the function for the batch, in halves where that fails.
Awaitable<> Lane::carry() {
    const Clock::time_point halving_ends = Clock::now() + 2 * pool_.settings_.statement_timeout;
    std::size_t size = batch_.size(); // of the next call
    std::size_t committed = 0;
    std::size_t culprits = 0;
    bool setup_suspect = false; // a call failed as it would if the database were not set up
    pool_.metrics_.batch_size.observe(static_cast<double>(size));
    while (!batch_.empty()) {
        size = std::min(size, batch_.size());
        const auto parameters = parameters_.encode({batch_.data(), size});
        PgResult result = co_await call(apply_name, parameters);
        Failure failure = classify_failure(sqlstate_of(result));
        if (batch_.empty())
            break; // the backlog has its webhooks by now
        if (succeeded(result)) {
            take_counts(size, result);
        } else if (size == 1 && failure == Failure::data) {
            const std::string reason = "jsonb refuses the body: " + primary_message_of(result) + " (SQLSTATE " +
                                       std::string(sqlstate_of(result)) + ")";
            result = co_await keep_as_text(reason);
            failure = Failure::other;
        }
        if (succeeded(result)) {
            committed += size;
            size *= 2;
            continue;
        }
        if (batch_.empty())
            break;
        setup_suspect = setup_suspect || is_of_setup(result);
        log_failure(result, size);
        const bool in_time = Clock::now() < halving_ends;
        // The backlog comes with smaller batches by itself, between which others get the lane.
        const bool halves_itself = failure != Failure::data && batch_.front().backlog_id != 0;
        if (size > 1 && in_time && !halves_itself) {
            size /= 2;
            continue;
        }
        culprits += size;
        const bool hopeless = committed == 0 && culprits >= most_culprits;
        give_back(hopeless ? batch_.size() : size, failure);
        if (!in_time)
            size = batch_.size();
    }
    if (setup_suspect && committed == 0)
        co_await probe();
}

// Calls a function for the first webhooks of the batch, again after a conflict.
Awaitable<PgResult> Lane::call(const char *name, std::span<const std::string_view> parameters) {
    for (unsigned attempt = 0;; ++attempt) {
        const Clock::time_point started = Clock::now();
        connection_.execute(name, parameters);
        answer_done(); // the batch before: the server need not wait for that
        PgResult result = co_await connection_.result(pool_.settings_.statement_timeout + answer_slack);
        if (succeeded(result))
            pool_.metrics_.batch_seconds.observe(std::chrono::duration<double>(Clock::now() - started).count());
        if (succeeded(result) || batch_.empty())
            co_return result;
        ++pool_.metrics_.batches_failed;
        const Failure failure = classify_failure(sqlstate_of(result));
        if (failure == Failure::unavailable)
            throw ConnectionLost(primary_message_of(result));
        if (failure != Failure::conflict || attempt == most_retries)
            co_return result;
    }
}

// Keeps the first webhook of the batch as text, since jsonb does not take it.
Awaitable<PgResult> Lane::keep_as_text(std::string reason) {
    const Job &job = batch_.front();
    const std::string_view body = job.body.text();
    std::string received_at;
    append_number(received_at, job.received_at);
    // A damaged spool may hold a NUL byte, which no text can.
    const std::array<std::string_view, 4> parameters{body.substr(0, body.find('\0')), reason, received_at, job.source};
    PgResult result = co_await call(reject_name, parameters);
    if (succeeded(result) && !batch_.empty()) {
        ++pool_.metrics_.bodies_kept_as_text;
        pool_.committed(batch_.front(), 1, 1);
        batch_.erase(batch_.begin());
    }
    co_return result;
}

// Notes that the first webhooks of the batch are committed.
void Lane::take_counts(std::size_t size, const PgResult &result) {
    std::optional<std::vector<WebhookCounts>> counts = read_counts(result, size);
    if (!counts) {
        log(LogLevel::error, "apply_message_status_batch returned something else than agreed",
            {{"rows", PQntuples(result.get())}, {"bodies", size}});
        throw ConnectionLost("the server returned something else than agreed");
    }
    pool_.metrics_.bodies_committed += size;
    done_counts_ = std::move(*counts);
    const auto end = batch_.begin() + static_cast<std::ptrdiff_t>(size);
    done_.assign(std::make_move_iterator(batch_.begin()), std::make_move_iterator(end));
    batch_.erase(batch_.begin(), end);
}

// Answers the senders of the last call that was committed.
void Lane::answer_done() {
    std::vector<Job> jobs;
    jobs.swap(done_);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        auto &statuses = pool_.metrics_.statuses[jobs[i].source];
        for (std::size_t column = 0; column < statuses.size(); ++column)
            statuses[column] += static_cast<std::uint64_t>(done_counts_[i][column]);
        pool_.committed(jobs[i], done_counts_[i][0], done_counts_[i][3]);
    }
    jobs.clear();
    done_.swap(jobs); // its memory is used again
}

void Lane::log_failure(const PgResult &result, std::size_t size) const {
    if (pool_.failure_log_.admit())
        log(LogLevel::warning, "a call failed",
            {{"lane", number_},
             {"bodies", size},
             {"request_id", batch_.front().request_id},
             {"sqlstate", sqlstate_of(result)},
             {"reason", masked_message(result)},
             {"suppressed", pool_.failure_log_.take_suppressed()}});
}

// Looks up which alerts are active. An extension from before there were alerts has none to tell, nor has a role that
// was granted its level before.
Awaitable<> Lane::ask_alerts() {
    connection_.query(alerts_sql);
    const PgResult result = co_await connection_.result(pool_.settings_.statement_timeout + answer_slack);
    if (sqlstate_of(result) == "55P03") // somebody holds a lock; what was found before stands
        co_return;
    std::vector<AlertCount> &alerts = pool_.metrics_.alerts;
    alerts.clear();
    if (!succeeded(result) && classify_failure(sqlstate_of(result)) == Failure::unavailable)
        refuse(result);
    if (!succeeded(result) || PQnfields(result.get()) != alerts_columns)
        co_return;
    for (int row = 0; row < PQntuples(result.get()); ++row)
        alerts.push_back({PQgetvalue(result.get(), row, 0), PQgetvalue(result.get(), row, 1),
                          std::strtoull(PQgetvalue(result.get(), row, 2), nullptr, 10)});
}

// Finds out whether the calls of a batch failed for what the webhooks hold, or any call would fail now.
Awaitable<> Lane::probe() {
    connection_.query(probe_sql);
    const PgResult result = co_await connection_.result(pool_.settings_.statement_timeout + answer_slack);
    if (!succeeded(result) && is_of_setup(result))
        refuse(result);
}

// Gives back the first webhooks of the batch.
void Lane::give_back(std::size_t size, Failure failure) {
    const auto end = batch_.begin() + static_cast<std::ptrdiff_t>(size);
    std::vector<Job> jobs(std::make_move_iterator(batch_.begin()), std::make_move_iterator(end));
    batch_.erase(batch_.begin(), end);
    for (Job &job : jobs)
        pool_.not_committed(std::move(job), failure);
}

void Lane::give_back_overdue(Clock::time_point now) {
    const auto is_overdue = [this, now](const Job &job) { return pool_.is_overdue(job, now); };
    if (state_ != State::busy || std::none_of(batch_.begin(), batch_.end(), is_overdue))
        return;
    std::vector<Job> jobs = std::move(batch_);
    batch_.clear();
    for (Job &job : jobs)
        pool_.wait_elsewhere(std::move(job)); // should the call succeed yet, applying them again changes nothing
}

void Lane::stop() {
    answer_done();
    state_ = State::stopped;
    connection_.close("the receiver is stopping");
    give_back(batch_.size(), Failure::unavailable);
}

} // namespace msgstatus::receiver
