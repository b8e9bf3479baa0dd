#include "database/lane.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "database/lane_pool.hpp"
#include "observe/log.hpp"

namespace msgstatus::receiver {
namespace {

constexpr const char *apply_name = "msgstatus_apply";
constexpr const char *apply_sql = "SELECT received, applied, unchanged, rejected, ignored "
                                  "FROM msgstatus.apply_message_status_batch($1, $2, $3)";
constexpr std::array apply_types{oid_jsonb_array, oid_timestamptz_array, oid_text_array};

constexpr const char *reject_name = "msgstatus_reject";
constexpr const char *reject_sql = "SELECT msgstatus.reject_webhook($1, $2, $3, $4)";
constexpr std::array reject_types{oid_text, oid_text, oid_timestamptz, oid_text};

// A call without webhooks succeeds exactly where extension, tables and rights are there.
constexpr const char *probe_sql = "SELECT FROM msgstatus.apply_message_status_batch('{}', '{}', '{}')";

// 200 means on disk, whatever the role, the database or the server is set to.
constexpr const char *durable_sql =
    "SELECT pg_catalog.set_config('synchronous_commit', CASE before WHEN 'off' THEN 'on' ELSE before END, false), "
    "before, "
    "pg_catalog.current_setting('fsync') FROM pg_catalog.current_setting('synchronous_commit') AS before";

// Webhooks wait for the lane meanwhile: a lock that somebody holds on a table is not worth that.
constexpr const char *alerts_sql = "SET LOCAL lock_timeout = 100; " // milliseconds
                                   "SELECT name, severity, active FROM msgstatus.alert_counts()";
constexpr int alerts_columns = 3;

constexpr std::chrono::milliseconds shortest_backoff(100);
constexpr std::chrono::milliseconds longest_backoff(2000);
constexpr std::chrono::seconds connect_time(15); // for each host
constexpr std::chrono::seconds answer_slack(5);  // beyond statement_timeout, which the server keeps by itself
constexpr unsigned most_retries = 5;
// If so many webhooks failed one by one and none succeeded, the fault is not with single webhooks.
constexpr std::size_t most_culprits = 8;

bool succeeded(const PgResult &result) noexcept {
    const ExecStatusType status = PQresultStatus(result.get());
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

std::string masked_message(const PgResult &result) {
    return mask_personal_data(primary_message_of(result));
}

} // namespace

Lane::Lane(const Executor &executor, LanePool &pool, std::size_t number)
    : pool_(pool), number_(number), wake_(executor), connection_(executor, wake_), backoff_(shortest_backoff),
      random_(std::random_device()()) {}

void Lane::start() {
    boost::asio::co_spawn(pool_.executor(), run(), boost::asio::detached);
}

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
        connection_.fail(reason);
        lose(reason, is_connected());
        // Full to half the interval, so that lanes and receivers do not come back all at once.
        std::uniform_int_distribution<std::int64_t> jitter(backoff_.count() / 2, backoff_.count());
        const Clock::time_point again = Clock::now() + std::chrono::milliseconds(jitter(random_));
        backoff_ = std::min(backoff_ * 2, longest_backoff);
        while (state_ != State::stopped && Clock::now() < again)
            co_await wake_.wait(again);
    }
}

Awaitable<PgResult> Lane::answer_of(std::chrono::milliseconds time) {
    deadline_ = Clock::now() + time;
    PgResult result = co_await connection_.result();
    deadline_ = Clock::time_point::max();
    co_return result;
}

Awaitable<> Lane::connect() {
    state_ = State::connecting;
    problem_logged_ = false;
    const LaneSettings &settings = pool_.settings();
    deadline_ = Clock::now() + connect_time * 2;
    co_await connection_.connect(settings.database);
    const std::string settings_sql = "SET statement_timeout = " + std::to_string(settings.statement_timeout.count()) +
                                     "; SET lock_timeout = " + std::to_string(settings.lock_timeout.count()) + "; " +
                                     durable_sql;
    for (int step = 0; step < 4; ++step) {
        if (step == 0)
            connection_.query(settings_sql.c_str());
        else if (step == 1)
            connection_.prepare(apply_name, apply_sql, apply_types);
        else if (step == 2)
            connection_.prepare(reject_name, reject_sql, reject_types);
        else
            connection_.query(probe_sql);
        const PgResult result = co_await answer_of(connect_time);
        if (!succeeded(result))
            refuse_setup(result);
        if (step == 0 && connection_.server_encoding() != "UTF8") {
            const std::string reason = "the database's encoding is " + connection_.server_encoding();
            if (problem_logged_ = true; pool_.setup_problem_is_due(reason))
                log(LogLevel::error, "the database is not set up",
                    {{"lane", number_},
                     {"database", connection_.database()},
                     {"reason", reason},
                     {"hint", "Use a database made WITH ENCODING 'UTF8'."}});
            throw ConnectionLost(reason);
        }
        const bool is_off = step == 0 && PQgetlength(result.get(), 0, 1) == 3; // "off"
        const bool is_unsafe = step == 0 && PQgetlength(result.get(), 0, 2) == 3;
        if ((is_off || is_unsafe) && pool_.durability_log().admit())
            log(LogLevel::warning, "commits are not durable",
                {{"lane", number_},
                 {"reason", is_unsafe
                                ? "fsync is off: a crash of the machine loses what was answered 200"
                                : "synchronous_commit was off for the role or the database; the lane turned it on"}});
    }
    state_ = State::idle;
    ++pool_.metrics().connects;
    if (reconnecting_)
        ++pool_.metrics().reconnects;
    reconnecting_ = false;
    log(LogLevel::info, "database connected", {{"lane", number_}});
    pool_.setup_works();
}

// Gives the connection up because a command on it failed that is not about a webhook.
void Lane::refuse_setup(const PgResult &result) {
    const std::string reason = masked_message(result);
    const std::string hint = setup_hint(sqlstate_of(result), hint_of(result), connection_.user());
    problem_logged_ = !hint.empty();
    if (!hint.empty() && pool_.setup_problem_is_due(reason))
        log(LogLevel::error, "the database is not set up",
            {{"lane", number_}, {"database", connection_.database()}, {"reason", reason}, {"hint", hint}});
    throw ConnectionLost(reason);
}

// Gives back what was in flight. The connection is closed already.
void Lane::lose(const std::string &reason, bool was_connected) {
    state_ = State::waiting;
    deadline_ = Clock::time_point::max();
    answer_done();
    if (was_connected) {
        reconnecting_ = true;
        if (!problem_logged_)
            log(LogLevel::warning, "database connection lost",
                {{"lane", number_}, {"reason", mask_personal_data(reason)}});
    } else {
        ++pool_.metrics().connect_failures;
        if (!problem_logged_ && pool_.connect_log().admit())
            log(LogLevel::warning, "cannot connect to the database",
                {{"lane", number_}, {"reason", reason}, {"suppressed", pool_.connect_log().take_suppressed()}});
    }
    give_back_all(Failure::unavailable);
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

Awaitable<> Lane::carry() {
    settled_.assign(batch_.size(), false);
    committed_ = culprits_ = 0;
    setup_suspect_ = false;
    halving_ends_ = Clock::now() + 2 * pool_.settings().statement_timeout;
    pool_.metrics().batch_size.observe(static_cast<double>(batch_.size()));
    co_await apply({0, batch_.size()});
    batch_.clear();
    if (setup_suspect_ && committed_ == 0)
        co_await probe();
}

// Calls the function for a part of the batch, and in halves where that fails.
Awaitable<> Lane::apply(Part part) {
    PgResult result;
    for (unsigned attempt = 0;; ++attempt) {
        current_ = part;
        call_started_ = Clock::now();
        parameters_.encode({batch_.data() + part.begin, part.end - part.begin});
        const auto [bodies, times, sources] = parameters_.parameters();
        const PgParameter parameters[] = {{bodies}, {times}, {sources}};
        connection_.execute(apply_name, parameters);
        answer_done(); // the batch before: the server need not wait for that
        result = co_await answer_of(pool_.settings().statement_timeout + answer_slack);
        if (batch_.empty())
            co_return; // the backlog has its webhooks by now
        if (succeeded(result) && committed(part, result))
            co_return;
        if (succeeded(result)) {
            log(LogLevel::error, "apply_message_status_batch returned something else than agreed",
                {{"rows", PQntuples(result.get())}, {"bodies", part.end - part.begin}});
            throw ConnectionLost("the server returned something else than agreed");
        }
        ++pool_.metrics().batches_failed;
        const Failure failure = classify_failure(sqlstate_of(result));
        if (failure == Failure::unavailable)
            throw ConnectionLost(std::string(primary_message_of(result)));
        if (failure != Failure::conflict || attempt == most_retries)
            break;
    }
    const Failure failure = classify_failure(sqlstate_of(result));
    const std::string sqlstate(sqlstate_of(result));
    const std::size_t size = part.end - part.begin;
    if (failure == Failure::data && size == 1) {
        co_await reject(part.begin, "jsonb refuses the body: " + std::string(primary_message_of(result)) +
                                        " (SQLSTATE " + sqlstate + ")");
        co_return;
    }
    setup_suspect_ = setup_suspect_ || !setup_hint(sqlstate, {}, {}).empty();
    if (pool_.failure_log().admit())
        log(LogLevel::warning, "a call failed",
            {{"lane", number_},
             {"bodies", size},
             {"request_id", batch_[part.begin].request_id},
             {"sqlstate", sqlstate},
             {"reason", masked_message(result)},
             {"suppressed", pool_.failure_log().take_suppressed()}});
    // The backlog comes with smaller batches by itself, between which others get the lane.
    const bool halves_itself = failure != Failure::data && batch_[part.begin].backlog_id != 0;
    if (size > 1 && !halves_itself && Clock::now() < halving_ends_) {
        const std::size_t middle = part.begin + size / 2;
        co_await apply({part.begin, middle});
        const bool hopeless = committed_ == 0 && culprits_ >= most_culprits;
        if (!batch_.empty() && !hopeless) {
            co_await apply({middle, part.end});
            co_return;
        }
        part.begin = middle;
    } else {
        culprits_ += size;
    }
    for (std::size_t i = part.begin; i < part.end && !batch_.empty(); ++i)
        give_back(i, failure);
}

// Notes what was committed; false if the result is not of the agreed form.
bool Lane::committed(Part part, const PgResult &result) {
    std::optional<std::vector<BatchCounts>> counts = read_counts(result, part.end - part.begin);
    if (!counts)
        return false;
    Metrics &metrics = pool_.metrics();
    metrics.batch_seconds.observe(std::chrono::duration<double>(Clock::now() - call_started_).count());
    metrics.bodies_committed += counts->size();
    committed_ += counts->size();
    done_.counts = std::move(*counts);
    for (std::size_t i = part.begin; i < part.end; ++i) {
        done_.jobs.push_back(std::move(batch_[i]));
        settled_[i] = true;
    }
    return true;
}

// Answers the senders of the last call that was committed.
void Lane::answer_done() {
    std::vector<Job> jobs = std::exchange(done_.jobs, {});
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const BatchCounts &counts = done_.counts[i];
        pool_.metrics().statuses[jobs[i].source].add(counts.received, counts.applied, counts.unchanged, counts.rejected,
                                                     counts.ignored);
        pool_.committed(jobs[i], counts.received, counts.rejected);
    }
}

// Keeps a body as text.
Awaitable<> Lane::reject(std::size_t position, std::string reason) {
    PgResult result;
    for (unsigned attempt = 0; attempt <= most_retries; ++attempt) {
        const Job &job = batch_[position];
        std::string received_at;
        append_int64(received_at, job.received_at);
        const PgParameter parameters[] = {{job.body.text(), false}, {reason, false}, {received_at}, {job.source}};
        connection_.execute(reject_name, parameters);
        answer_done();
        result = co_await answer_of(pool_.settings().statement_timeout + answer_slack);
        if (batch_.empty())
            co_return;
        if (succeeded(result)) {
            ++pool_.metrics().bodies_kept_as_text;
            ++committed_;
            settled_[position] = true;
            pool_.committed(batch_[position], 1, 1);
            co_return;
        }
        ++pool_.metrics().batches_failed;
        if (classify_failure(sqlstate_of(result)) == Failure::unavailable)
            throw ConnectionLost(std::string(primary_message_of(result)));
        if (classify_failure(sqlstate_of(result)) != Failure::conflict)
            break;
    }
    if (pool_.failure_log().admit())
        log(LogLevel::warning, "a call failed",
            {{"lane", number_},
             {"bodies", 1},
             {"request_id", batch_[position].request_id},
             {"sqlstate", sqlstate_of(result)},
             {"reason", masked_message(result)},
             {"suppressed", pool_.failure_log().take_suppressed()}});
    ++culprits_;
    give_back(position, Failure::other);
}

// Looks up which alerts are active. An extension from before there were alerts has none to tell, nor has a role that
// was granted its level before.
Awaitable<> Lane::ask_alerts() {
    connection_.query(alerts_sql);
    const PgResult result = co_await answer_of(pool_.settings().statement_timeout + answer_slack);
    if (sqlstate_of(result) == "55P03") // somebody holds a lock; what was found before stands
        co_return;
    std::vector<AlertCount> &alerts = pool_.metrics().alerts;
    alerts.clear();
    if (!succeeded(result) && classify_failure(sqlstate_of(result)) == Failure::unavailable)
        refuse_setup(result);
    if (!succeeded(result) || PQnfields(result.get()) != alerts_columns)
        co_return;
    for (int row = 0; row < PQntuples(result.get()); ++row)
        alerts.push_back({PQgetvalue(result.get(), row, 0), PQgetvalue(result.get(), row, 1),
                          std::strtoull(PQgetvalue(result.get(), row, 2), nullptr, 10)});
}

// Finds out whether the calls of a batch failed for what the webhooks hold, or any call would fail now.
Awaitable<> Lane::probe() {
    connection_.query(probe_sql);
    const PgResult result = co_await answer_of(pool_.settings().statement_timeout + answer_slack);
    if (!succeeded(result) && !setup_hint(sqlstate_of(result), {}, {}).empty())
        refuse_setup(result);
}

void Lane::give_back(std::size_t position, Failure failure) {
    if (settled_[position])
        return;
    settled_[position] = true;
    pool_.not_committed(std::move(batch_[position]), failure);
}

// Gives back what is in flight and what is still to be called.
void Lane::give_back_all(Failure failure) {
    for (std::size_t i = 0; i < batch_.size(); ++i)
        give_back(i, failure);
    batch_.clear();
}

void Lane::sweep(Clock::time_point now) {
    if (state_ == State::busy && !batch_.empty() && pool_.is_overdue(batch_[current_.begin], now)) {
        for (Job &job : batch_)
            job.may_return = true;
        give_back_all(Failure::other); // should the call succeed yet, applying them again changes nothing
    }
    if (now < deadline_)
        return;
    deadline_ = Clock::time_point::max();
    connection_.fail(state_ == State::connecting ? "timeout while connecting" : "the database does not answer");
}

void Lane::stop() {
    answer_done();
    state_ = State::stopped;
    deadline_ = Clock::time_point::max();
    connection_.fail("the receiver is stopping");
    give_back_all(Failure::unavailable);
}

} // namespace msgstatus::receiver
