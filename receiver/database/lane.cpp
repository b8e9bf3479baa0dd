#include "database/lane.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "database/lane_pool.hpp"
#include "observe/log.hpp"
#include "observe/mask.hpp"

namespace msgstatus::receiver {
namespace {

using boost::system::error_code;

constexpr const char *apply_name = "msgstatus_apply";
constexpr const char *apply_sql = "SELECT received, applied, unchanged, rejected, ignored "
                                  "FROM msgstatus.apply_message_status_batch($1, $2, $3)";
constexpr std::array apply_types{oid_jsonb_array, oid_timestamptz_array, oid_text_array};
constexpr int apply_columns = 5;

constexpr const char *reject_name = "msgstatus_reject";
constexpr const char *reject_sql = "SELECT msgstatus.reject_webhook($1, $2, $3, $4)";
constexpr std::array reject_types{oid_text, oid_text, oid_timestamptz, oid_text};

// A call without webhooks succeeds exactly where extension, tables and rights are there.
constexpr const char *probe_sql = "SELECT FROM msgstatus.apply_message_status_batch('{}', '{}', '{}')";

constexpr const char *alerts_sql = "SELECT name, severity, active FROM msgstatus.alert_counts()";
constexpr int alerts_columns = 3;

constexpr std::chrono::milliseconds shortest_backoff(100);
constexpr std::chrono::milliseconds longest_backoff(2000);
constexpr std::chrono::seconds connect_time(15); // for each host
constexpr std::chrono::seconds answer_slack(5);  // beyond statement_timeout, which the server keeps by itself
constexpr unsigned most_retries = 5;
// If so many webhooks failed one by one and none succeeded, the fault is not with single webhooks.
constexpr std::size_t most_culprits = 8;

constexpr std::string_view not_committed = "the database could not take the webhook; try again later";

} // namespace

Lane::Lane(boost::asio::io_context &context, LanePool &pool, std::size_t number)
    : pool_(pool), number_(number), connection_(context, *this), reconnect_timer_(context.get_executor()),
      backoff_(shortest_backoff), random_(std::random_device()()) {
    const LaneSettings &settings = pool.settings();
    settings_sql_ = "SET statement_timeout = " + std::to_string(settings.statement_timeout.count()) +
                    "; SET lock_timeout = " + std::to_string(settings.lock_timeout.count());
}

void Lane::start() {
    state_ = State::connecting;
    connection_.connect(pool_.settings().database);
    deadline_ = Clock::now() + connect_time * connection_.hosts();
}

void Lane::pg_connected() {
    state_ = State::preparing;
    step_ = Step::settings;
    prepare_next();
}

void Lane::prepare_next() {
    deadline_ = Clock::now() + connect_time;
    switch (step_) {
    case Step::settings:
        connection_.query(settings_sql_.c_str());
        break;
    case Step::prepare_apply:
        connection_.prepare(apply_name, apply_sql, apply_types);
        break;
    case Step::prepare_reject:
        connection_.prepare(reject_name, reject_sql, reject_types);
        break;
    case Step::probe:
        connection_.query(probe_sql);
        break;
    }
}

void Lane::prepared(const PgResult &result) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        command_failed(result);
        return;
    }
    if (step_ != Step::probe) {
        step_ = static_cast<Step>(static_cast<std::uint8_t>(step_) + 1);
        prepare_next();
    } else {
        state_ = State::idle;
        deadline_ = Clock::time_point::max();
        ++pool_.metrics().connects;
        if (reconnecting_)
            ++pool_.metrics().reconnects;
        reconnecting_ = false;
        log(LogLevel::info, "database connected", {{"lane", number_}});
        pool_.setup_works();
        pool_.lane_ready();
    }
}

void Lane::pg_lost(const std::string &reason) {
    connection_failed(reason);
}

// Gives the connection up because a command on it failed that is not about a webhook.
void Lane::command_failed(const PgResult &result) {
    const std::string reason(primary_message_of(result));
    const std::string hint = setup_hint(sqlstate_of(result), hint_of(result), connection_.user());
    if (!hint.empty() && pool_.setup_problem_is_due(reason))
        log(LogLevel::error, "the database is not set up",
            {{"lane", number_}, {"database", connection_.database()}, {"reason", reason}, {"hint", hint}});
    connection_.close();
    connection_failed(reason, !hint.empty());
}

// connection_failed does give back what was in flight and plan the next attempt. The connection is closed already.
void Lane::connection_failed(const std::string &reason, bool logged) {
    const bool was_connected = is_connected();
    state_ = State::waiting;
    deadline_ = Clock::time_point::max();
    if (was_connected) {
        reconnecting_ = true;
        if (!logged)
            log(LogLevel::warning, "database connection lost", {{"lane", number_}, {"reason", reason}});
    } else {
        ++pool_.metrics().connect_failures;
        if (!logged && pool_.connect_log().admit())
            log(LogLevel::warning, "cannot connect to the database",
                {{"lane", number_}, {"reason", reason}, {"suppressed", pool_.connect_log().take_suppressed()}});
    }
    reconnect_later();
    give_back_all(Failure::unavailable, "the database is not available; try again later");
    pool_.lane_lost();
}

void Lane::reconnect_later() {
    // Full to half the interval, so that lanes and receivers do not come back all at once.
    std::uniform_int_distribution<std::int64_t> jitter(backoff_.count() / 2, backoff_.count());
    reconnect_timer_.expires_after(std::chrono::milliseconds(jitter(random_)));
    backoff_ = std::min(backoff_ * 2, longest_backoff);
    reconnect_timer_.async_wait([this](error_code cancelled) {
        if (!cancelled && state_ == State::waiting)
            start();
    });
}

void Lane::carry(std::vector<Job> &batch) {
    batch_.swap(batch);
    parts_.assign(1, Part{0, batch_.size()});
    committed_ = 0;
    culprits_ = 0;
    state_ = State::busy;
    halving_ends_ = Clock::now() + 2 * pool_.settings().statement_timeout;
    pool_.metrics().batch_size.observe(static_cast<double>(batch_.size()));
    retries_ = 0;
    setup_suspect_ = false;
    call_next();
}

void Lane::call_next() {
    if (parts_.empty()) {
        finish_batch();
        return;
    }
    const Part part = parts_.back();
    parts_.pop_back();
    call(part);
}

void Lane::call(const Part &part) {
    current_ = part;
    rejecting_ = false;
    call_started_ = Clock::now();
    deadline_ = call_started_ + pool_.settings().statement_timeout + answer_slack;
    parameters_.encode({batch_.data() + part.begin, part.end - part.begin});
    const auto [bodies, times, sources] = parameters_.parameters();
    const PgParameter parameters[] = {{bodies}, {times}, {sources}};
    connection_.execute(apply_name, parameters);
}

// reject does keep the only body of the current part as text.
void Lane::reject() {
    const Job &job = batch_[current_.begin];
    rejecting_ = true;
    deadline_ = Clock::now() + pool_.settings().statement_timeout + answer_slack;
    std::string received_at;
    append_int64(received_at, job.received_at);
    const PgParameter parameters[] = {{job.body.text(), false}, {reject_reason_, false}, {received_at}, {job.source}};
    connection_.execute(reject_name, parameters);
}

void Lane::ask_alerts() {
    state_ = State::asking;
    deadline_ = Clock::now() + pool_.settings().statement_timeout + answer_slack;
    connection_.query(alerts_sql);
}

// alerts_answered does take the answer, or none: an extension from before there were alerts has none, nor has a role
// that was granted its level before.
void Lane::alerts_answered(const PgResult &result) {
    std::vector<AlertCount> &alerts = pool_.metrics().alerts;
    alerts.clear();
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
        if (classify_failure(sqlstate_of(result)) == Failure::unavailable) {
            command_failed(result);
            return;
        }
    } else if (PQnfields(result.get()) == alerts_columns) {
        for (int row = 0; row < PQntuples(result.get()); ++row)
            alerts.push_back({PQgetvalue(result.get(), row, 0), PQgetvalue(result.get(), row, 1),
                              std::strtoull(PQgetvalue(result.get(), row, 2), nullptr, 10)});
    }
    state_ = State::idle;
    deadline_ = Clock::time_point::max();
    pool_.lane_ready();
}

void Lane::pg_result(PgResult result) {
    if (state_ == State::preparing) {
        prepared(result);
        return;
    }
    if (state_ == State::asking) {
        alerts_answered(result);
        return;
    }
    if (state_ == State::probing) {
        probed(result);
        return;
    }
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
        call_failed(result);
        return;
    }
    backoff_ = shortest_backoff;
    if (batch_.empty()) {
        finish_batch(); // the backlog has its webhooks by now
        return;
    }
    if (rejecting_) {
        ++pool_.metrics().bodies_kept_as_text;
        ++committed_;
        pool_.committed(batch_[current_.begin], 1, 1);
        retries_ = 0;
        call_next();
        return;
    }
    apply_done(result);
}

void Lane::apply_done(const PgResult &result) {
    const std::size_t size = current_.end - current_.begin;
    const bool as_agreed = static_cast<std::size_t>(PQntuples(result.get())) == size &&
                           PQnfields(result.get()) == apply_columns && PQgetlength(result.get(), 0, 0) == 4;
    if (!as_agreed) {
        log(LogLevel::error, "apply_message_status_batch returned something else than agreed",
            {{"rows", PQntuples(result.get())}, {"bodies", size}});
        give_back(current_, Failure::other, not_committed);
        call_next();
        return;
    }
    Metrics &metrics = pool_.metrics();
    metrics.batch_seconds.observe(std::chrono::duration<double>(Clock::now() - call_started_).count());
    metrics.bodies_committed += size;
    committed_ += size;
    retries_ = 0;
    std::vector<Job> done;
    const std::size_t first = current_.begin;
    if (parts_.empty() && size == batch_.size()) {
        // The usual case: the next batch goes on its way before this one is answered, so the server need not wait.
        done.swap(batch_);
        finish_batch();
    }
    const std::vector<Job> &jobs = done.empty() ? batch_ : done;
    for (std::size_t i = 0; i < size; ++i) {
        std::array<std::int32_t, apply_columns> row{};
        for (int column = 0; column < apply_columns; ++column)
            row[column] = read_int32(PQgetvalue(result.get(), static_cast<int>(i), column));
        const auto [received, applied, unchanged, rejected, ignored] = row;
        metrics.statuses[jobs[first + i].source].add(received, applied, unchanged, rejected, ignored);
        pool_.committed(jobs[first + i], received, rejected);
    }
    if (done.empty())
        call_next();
    else
        pool_.recycle(std::move(done));
}

void Lane::call_failed(const PgResult &result) {
    const std::string sqlstate(sqlstate_of(result));
    const std::string message(primary_message_of(result));
    const Failure failure = classify_failure(sqlstate);
    const std::size_t size = current_.end - current_.begin;
    ++pool_.metrics().batches_failed;
    if (failure == Failure::unavailable) {
        connection_.close();
        connection_failed(message);
        return;
    }
    if (batch_.empty()) {
        finish_batch(); // the backlog has its webhooks by now
        return;
    }
    if (failure == Failure::conflict && retries_ < most_retries) {
        ++retries_;
        if (rejecting_)
            reject();
        else
            call(current_);
        return;
    }
    if (failure == Failure::data && size == 1 && !rejecting_) {
        reject_reason_ = "jsonb refuses the body: " + message + " (SQLSTATE " + sqlstate + ")";
        reject();
        return;
    }
    setup_suspect_ = setup_suspect_ || !setup_hint(sqlstate, {}, {}).empty();
    if (pool_.failure_log().admit())
        log(LogLevel::warning, "a call failed",
            {{"lane", number_},
             {"bodies", size},
             {"request_id", batch_[current_.begin].request_id},
             {"sqlstate", sqlstate},
             {"reason", mask_phone_numbers(message)},
             {"suppressed", pool_.failure_log().take_suppressed()}});
    // The backlog comes with smaller batches by itself, between which others get the lane.
    const bool halves_itself = failure != Failure::data && batch_[current_.begin].backlog_id != 0;
    if (size > 1 && !halves_itself && Clock::now() < halving_ends_) {
        halve(current_);
    } else {
        culprits_ += size;
        give_back(current_, failure, not_committed);
    }
    if (committed_ == 0 && culprits_ >= most_culprits) {
        for (const Part &part : parts_)
            give_back(part, failure, not_committed);
        parts_.clear();
    }
    retries_ = 0;
    call_next();
}

void Lane::halve(const Part &part) {
    const std::size_t middle = part.begin + (part.end - part.begin) / 2;
    parts_.push_back({middle, part.end});
    parts_.push_back({part.begin, middle});
}

void Lane::give_back(const Part &part, Failure failure, std::string_view message) {
    for (std::size_t i = part.begin; i < part.end; ++i)
        pool_.not_committed(std::move(batch_[i]), failure, message);
}

// give_back_all does give back what is in flight and what is still to be called.
void Lane::give_back_all(Failure failure, std::string_view message) {
    if (batch_.empty())
        return;
    give_back(current_, failure, message);
    for (const Part &part : parts_)
        give_back(part, failure, message);
    parts_.clear();
    batch_.clear();
}

void Lane::finish_batch() {
    batch_.clear();
    if (setup_suspect_ && committed_ == 0) {
        probe();
        return;
    }
    state_ = State::idle;
    deadline_ = Clock::time_point::max();
    pool_.lane_ready();
}

// Finds out whether the calls of a batch failed for what the webhooks hold, or any call would fail now.
void Lane::probe() {
    setup_suspect_ = false;
    state_ = State::probing;
    deadline_ = Clock::now() + pool_.settings().statement_timeout + answer_slack;
    connection_.query(probe_sql);
}

void Lane::probed(const PgResult &result) {
    const bool works = PQresultStatus(result.get()) == PGRES_TUPLES_OK;
    if (works || setup_hint(sqlstate_of(result), {}, {}).empty())
        finish_batch();
    else
        command_failed(result);
}

void Lane::sweep(Clock::time_point now) {
    if (state_ == State::busy && !batch_.empty() && pool_.is_overdue(batch_[current_.begin], now))
        give_back_all(Failure::other,
                      not_committed); // should the call succeed yet, applying them again changes nothing
    if (now < deadline_)
        return;
    connection_.close();
    connection_failed(state_ == State::connecting ? "timeout while connecting" : "the database does not answer");
}

void Lane::stop() {
    connection_.close();
    reconnect_timer_.cancel();
    state_ = State::stopped;
    deadline_ = Clock::time_point::max();
    give_back_all(Failure::unavailable, "the receiver is stopping");
}

} // namespace msgstatus::receiver
