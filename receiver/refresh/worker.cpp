#include "refresh/worker.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <poll.h>

#include "refresh/messages.hpp"
#include "refresh/sid.hpp"

namespace msgstatus::refresh {
namespace {

using namespace std::chrono_literals;
using receiver::log;
using receiver::LogLevel;
using std::chrono::milliseconds;

constexpr milliseconds longest_backoff = 5min;
constexpr milliseconds longest_sleep = 10s;       // notifications may get lost in a pooler
constexpr milliseconds between_comparisons = 20s; // how often the database is asked whether one is due
constexpr milliseconds reconnect_pause = 2s;
constexpr std::size_t fewest_claims = 8;
constexpr std::size_t most_claims = 1000;
constexpr std::size_t messages_for_a_page = 4; // pages of a list may take so many times fewer requests than messages

std::string seconds(milliseconds time) {
    return std::to_string(static_cast<double>(time.count()) / 1000) + " seconds";
}

// The texts as parameters of an array.
std::vector<Parameter> parameters_of(const std::vector<std::string> &texts) {
    return {texts.begin(), texts.end()};
}

} // namespace

Worker::Worker(Shared &shared, std::string name, bool compares)
    : shared_(shared), config_(shared.config()), name_(std::move(name)), compares_(compares),
      database_(config_.database, shared.metrics().connections), twilio_(shared) {}

void Worker::run() {
    while (!shared_.stopped()) {
        const State state = shared_.state();
        if (state != State::running) {
            failed_ = true;
            if (config_.once)
                return;
            shared_.wait(longest_sleep, state);
            continue;
        }
        try {
            if (database_.connect())
                database_.listen("msgstatus_refresh");
            if (work())
                continue;
            if (config_.once && !comparison_)
                return;
            database_.wait(until_due(), shared_.stop_descriptor());
        } catch (const DatabaseError &error) {
            ++shared_.metrics().database_errors;
            failed_ = true;
            if (failure_log_.admit())
                log(LogLevel::error, "database", {{"reason", error.what()}});
            database_.disconnect(); // what it had claimed is free when the lease ends
            comparison_.reset();    // another one may begin when nobody has heard of this one for a while
            if (config_.once)
                return;
            shared_.wait(reconnect_pause, State::running);
        }
    }
}

// Does a part of the work. Returns false if nothing is due.
bool Worker::work() {
    if (Clock::now() < next_start_)
        return false;
    bool worked = false;
    if (compares_ && begin_comparison()) {
        compare_page();
        worked = true;
    }
    if (!may_go_on())
        return true;
    std::vector<Claim> claims = claim();
    if (!claims.empty()) {
        fetch_all(claims);
        worked = true;
    }
    return worked;
}

// Returns whether a page of a comparison is to be read now.
bool Worker::begin_comparison() {
    const Clock::time_point now = Clock::now();
    if (comparison_)
        return now >= comparison_->next;
    if (config_.reconcile_every == 0ms || now < next_comparison_)
        return false;
    next_comparison_ =
        config_.once ? Clock::time_point::max() : now + std::min(between_comparisons, config_.reconcile_every);
    const Rows rows = database_.query(
        "SELECT b.id, to_char((now() - $3::interval) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
        " FROM msgstatus.begin_reconciliation($1, $2::interval, $3::interval) AS b (id) WHERE b.id IS NOT NULL",
        {name_, config_.once ? "0" : seconds(config_.reconcile_every),
         std::to_string(config_.reconcile_days) + " days"});
    if (rows.size() == 0)
        return false;
    const std::string own = shared_.credentials().account;
    comparison_ = Comparison{.id = rows.text(0, 0), .day = rows.text(0, 1), .accounts = {own}};
    comparison_->path = list_path(own, comparison_->day);
    const Rows named = database_.query("SELECT a FROM msgstatus.accounts_to_reconcile($1) AS a", {comparison_->id});
    for (int i = 0; i < named.size(); ++i)
        if (named.text(i, 0) != own && is_account_sid(named.text(i, 0)))
            comparison_->accounts.push_back(named.text(i, 0));
    log(LogLevel::info, "reconciliation begins",
        {{"id", comparison_->id}, {"from", comparison_->day}, {"accounts", comparison_->accounts.size()}});
    return true;
}

void Worker::compare_page() {
    if (!reserve(Clock::now() + config_.lease))
        return;
    const std::string account = comparison_->accounts.front();
    const bool is_foreign = account != shared_.credentials().account;
    const Answer answer = twilio_.list(comparison_->path);
    note(answer, account);
    if (shared_.stopped())
        return;
    if (answer.result == Result::refused && !is_foreign)
        return end_comparison(answer.reason);
    if (is_foreign && (answer.result == Result::refused || answer.result == Result::not_found)) {
        failed_ = true;
        return end_account(""); // others have nothing to do with it
    }
    std::optional<Page> page;
    if (answer.result == Result::ok)
        page = read_page(answer.body);
    if (!page || (!page->next.empty() && !is_list_path(account, page->next))) {
        give_way(answer);
        if (++comparison_->failures >= config_.attempts || answer.result == Result::not_found)
            return end_account(answer.result == Result::ok ? "the page cannot be used" : answer.reason);
        comparison_->next = Clock::now() + answer.retry_after.value_or(0s);
        if (!answer.retry_after)
            comparison_->next += backoff(comparison_->failures);
        return;
    }
    std::size_t discovered = 0;
    const std::vector<bool> changes = apply_page(*page, discovered);
    const auto changed = std::count(changes.begin(), changes.end(), true);
    const Rows rows = database_.query(
        "SELECT msgstatus.record_reconciliation($1, 1, $2, $3, $4)",
        {comparison_->id, std::to_string(page->sids.size()), std::to_string(changed), std::to_string(discovered)});
    if (rows.text(0, 0) != "t") {
        comparison_.reset(); // it took too long, and another worker has begun one
        return;
    }
    comparison_->failures = 0;
    if (page->next.empty())
        end_account("");
    else
        comparison_->path = page->next;
}

// Goes on with the list of the next account that Twilio has not refused, or ends the comparison after the last one.
void Worker::end_account(const std::string &error) {
    Comparison &comparison = *comparison_;
    if (comparison.error.empty())
        comparison.error = error;
    std::vector<std::string> &accounts = comparison.accounts;
    accounts.erase(accounts.begin(),
                   std::find_if(accounts.begin() + 1, accounts.end(), [&](const std::string &account) {
                       return shared_.account_refused_with(account) == 0;
                   }));
    if (accounts.empty())
        return end_comparison(comparison.error);
    comparison.path = list_path(accounts.front(), comparison.day);
    comparison.failures = 0;
    // Attempts at a list take minutes, and only pages tell that this comparison is still under way.
    if (database_.query("SELECT msgstatus.record_reconciliation($1)", {comparison.id}).text(0, 0) != "t")
        comparison_.reset();
}

void Worker::end_comparison(const std::string &error) {
    const Rows rows = database_.query("SELECT r.pages, r.messages, r.changed, r.discovered FROM "
                                      "msgstatus.record_reconciliation($1, ended => true, error => $2) AS e"
                                      " JOIN msgstatus.reconciliation AS r ON e AND r.reconciliation_id = $1",
                                      {comparison_->id, error.empty() ? Parameter() : Parameter(error)});
    ++(error.empty() ? shared_.metrics().reconciliations : shared_.metrics().reconciliations_failed);
    failed_ = failed_ || !error.empty();
    if (rows.size() == 1)
        log(error.empty() ? LogLevel::info : LogLevel::error, "reconciliation ended",
            {{"id", comparison_->id},
             {"pages", rows.number(0, 0)},
             {"messages", rows.number(0, 1)},
             {"changed", rows.number(0, 2)},
             {"discovered", rows.number(0, 3)},
             {"reason", error}});
    comparison_.reset();
}

std::vector<Worker::Claim> Worker::claim() {
    // As many as can be asked for in half of the lease.
    const double share = std::chrono::duration<double>(config_.lease).count() / 2 * config_.rate /
                         static_cast<double>(config_.concurrency);
    const std::size_t count = std::clamp(static_cast<std::size_t>(share), fewest_claims, most_claims);
    const Rows rows = database_.query("SELECT c.message_id, c.claim, c.attempts, c.account_sid, to_char(c.created_at "
                                      "AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
                                      " FROM msgstatus.claim_refreshes($1, $2, $3::interval) AS c",
                                      {name_, std::to_string(count), seconds(config_.lease)});
    std::vector<Claim> claims;
    for (int i = 0; i < rows.size(); ++i) {
        Claim claim{.message = rows.text(i, 0),
                    .number = rows.text(i, 1),
                    .attempts = static_cast<std::size_t>(rows.number(i, 2)),
                    .account = rows.text(i, 3),
                    .day = rows.text(i, 4)};
        if (!is_account_sid(claim.account))
            claim.account = shared_.credentials().account;
        claims.push_back(std::move(claim));
    }
    return claims;
}

void Worker::fetch_all(std::vector<Claim> &claims) {
    // A message whose request begins by then is finished within the lease.
    const Clock::time_point until = Clock::now() + config_.lease - config_.timeout;
    list_many(claims, until);
    for (Claim &claim : claims) {
        if (claim.done || give_up_refused(claim))
            continue;
        if (!may_go_on() || !reserve(until))
            break;
        fetch_one(claim);
    }
    release(claims);
}

// Asks for the lists of accounts with many messages, once for each message and as long as that takes fewer requests.
// What the lists do not hold is asked for by itself.
void Worker::list_many(std::vector<Claim> &claims, Clock::time_point until) {
    std::map<std::string, std::vector<Claim *>> by_account;
    for (Claim &claim : claims)
        if (claim.attempts == 1 && !claim.day.empty())
            by_account[claim.account].push_back(&claim);
    for (auto &[account, group] : by_account) {
        if (group.size() < config_.list_from || shared_.account_refused_with(account) != 0)
            continue;
        const auto [first, last] =
            std::minmax_element(group.begin(), group.end(), [](Claim *a, Claim *b) { return a->day < b->day; });
        std::string path = list_path(account, (*first)->day); // sent on the day of its creation, or later
        for (std::size_t pages = group.size() / messages_for_a_page; pages > 0 && !path.empty(); --pages) {
            if (!may_go_on() || !reserve(until))
                return;
            const Answer answer = twilio_.list(path);
            note(answer, account);
            const std::optional<Page> page = answer.result == Result::ok ? read_page(answer.body) : std::nullopt;
            if (!page) {
                give_way(answer);
                break;
            }
            std::size_t discovered = 0;
            const std::vector<bool> changes = apply_page(*page, discovered);
            for (Claim *claim : group) {
                const auto found = std::find(page->sids.begin(), page->sids.end(), claim->message);
                if (found == page->sids.end() || claim->done)
                    continue;
                claim->done = true; // its request ended with the page
                shared_.metrics().count(changes[found - page->sids.begin()] ? Outcome::changed : Outcome::unchanged);
            }
            const bool all = std::all_of(group.begin(), group.end(), [](const Claim *claim) { return claim->done; });
            path = all || !is_list_path(account, page->next) ? "" : page->next;
        }
    }
}

void Worker::fetch_one(Claim &claim) {
    if (!is_message_sid(claim.message))
        return finish(claim, "failed", "the id is none of Twilio's");
    if (claim.attempts > config_.attempts) // workers died over it, or the database refused what came
        return finish(claim, "failed", "no attempt was brought to its end");
    const Answer answer = twilio_.fetch(claim.account, claim.message);
    note(answer, claim.account);
    if (shared_.stopped() && answer.result == Result::connection)
        return; // broken off
    switch (answer.result) {
    case Result::ok:
        return apply(claim, answer.body);
    case Result::not_found:
        return finish(claim, "unknown", "the provider does not know it");
    case Result::refused:
        if (claim.account != shared_.credentials().account)
            finish_refused(claim, answer.status);
        return; // else all is given back
    default:
        give_way(answer);
        return retry(claim, answer);
    }
}

// Applies a message and ends its request, both or neither.
void Worker::apply(Claim &claim, const std::string &body) {
    if (!is_message(body, claim.message)) {
        Answer unusable;
        unusable.result = Result::unusable;
        unusable.reason = "the answer cannot be used";
        shared_.metrics().count(Result::unusable);
        return retry(claim, unusable);
    }
    try {
        const Rows rows = database_.query(
            "SELECT o.outcome, msgstatus.finish_refreshes(ARRAY[$1], ARRAY[$2::integer], ARRAY[o.outcome], "
            "ARRAY[o.error], ARRAY[NULL::interval])"
            " FROM msgstatus.apply_fetched(ARRAY[$3::jsonb]) AS a,"
            " LATERAL (SELECT CASE WHEN a.applied > 0 THEN 'changed' WHEN a.rejected > 0 THEN 'failed' ELSE "
            "'unchanged' END,"
            " CASE WHEN a.rejected > 0 THEN 'the answer was rejected; see rejected_status' END) AS o (outcome, error)",
            {claim.message, claim.number, body});
        const std::string outcome = rows.size() == 1 ? rows.text(0, 0) : "failed";
        shared_.metrics().count(outcome == "changed"     ? Outcome::changed
                                : outcome == "unchanged" ? Outcome::unchanged
                                                         : Outcome::failed);
        claim.done = true;
        if (receiver::log_enabled(LogLevel::debug))
            log(LogLevel::debug, "fetched", {{"message", claim.message}, {"outcome", outcome}});
    } catch (const DatabaseError &error) {
        if (!error.is_about_data())
            throw;
        finish(claim, "failed", "the answer cannot be stored");
    }
}

// Applies the messages of a page and ends the requests for them. Returns which of them that changed.
std::vector<bool> Worker::apply_page(const Page &page, std::size_t &discovered) {
    Metrics &metrics = shared_.metrics();
    ++metrics.listed_pages;
    if (page.sids.empty())
        return {};
    const std::string sids = array_of(parameters_of(page.sids));
    discovered = static_cast<std::size_t>(
        database_.query("SELECT count(*) FROM msgstatus.unknown_messages($1::text[])", {sids}).number(0, 0));
    const Rows rows = database_.query(R"(
        WITH applied AS MATERIALIZED (
            SELECT array_agg(a.applied > 0 ORDER BY a.n) AS changed
            FROM msgstatus.apply_fetched($2::text[]::jsonb[]) WITH ORDINALITY AS a (received, applied, unchanged, rejected, ignored, n)
        )
        SELECT array_to_string(a.changed, ''), msgstatus.record_listed($1::text[], a.changed) FROM applied AS a)",
                                      {sids, array_of(parameters_of(page.bodies))});
    std::vector<bool> changes;
    for (const char c : rows.text(0, 0)) // tfft...
        changes.push_back(c == 't');
    changes.resize(page.sids.size());
    metrics.listed_messages += page.sids.size();
    metrics.listed_changed += static_cast<std::uint64_t>(std::count(changes.begin(), changes.end(), true));
    metrics.listed_discovered += discovered;
    return changes;
}

void Worker::finish(Claim &claim, const char *outcome, const std::string &error, milliseconds pause) {
    database_.query(
        "SELECT msgstatus.finish_refreshes(ARRAY[$1], ARRAY[$2::integer], ARRAY[$3], ARRAY[$4], ARRAY[$5::interval])",
        {claim.message, claim.number, outcome, error.empty() ? Parameter() : Parameter(error), seconds(pause)});
    claim.done = true;
    const std::string_view name = outcome;
    const auto place = std::find(outcome_names.begin(), outcome_names.end(), name);
    if (place != outcome_names.end())
        shared_.metrics().count(static_cast<Outcome>(place - outcome_names.begin()));
    if (name == "failed" || name == "unknown")
        log(LogLevel::warning, "not fetched",
            {{"message", claim.message}, {"outcome", name}, {"reason", error}, {"attempts", claim.attempts}});
}

// Tries the message again later, or gives it up.
void Worker::retry(Claim &claim, const Answer &answer) {
    failed_ = true;
    if (claim.attempts >= config_.attempts)
        return finish(claim, "failed", answer.reason);
    const milliseconds pause = answer.retry_after ? milliseconds(*answer.retry_after) : backoff(claim.attempts);
    finish(claim, "later", answer.reason, pause);
}

// Gives back what was not asked for.
void Worker::release(std::vector<Claim> &claims) {
    std::vector<Parameter> messages, numbers;
    for (const Claim &claim : claims) {
        if (claim.done)
            continue;
        messages.emplace_back(claim.message);
        numbers.emplace_back(claim.number);
    }
    if (messages.empty())
        return;
    database_.query("SELECT msgstatus.finish_refreshes($1::text[], $2::integer[], array_fill('released'::text, "
                    "ARRAY[cardinality($1::text[])]),"
                    " array_fill(NULL::text, ARRAY[cardinality($1::text[])]), array_fill(NULL::interval, "
                    "ARRAY[cardinality($1::text[])]))",
                    {array_of(messages), array_of(numbers)});
}

// Waits for the turn of the next request, which is to begin by then. Returns whether it may.
bool Worker::reserve(Clock::time_point until) {
    const Rows rows =
        database_.query("SELECT extract(epoch FROM msgstatus.reserve_request('twilio', $1::numeric, $2::integer))",
                        {std::to_string(config_.rate), std::to_string(static_cast<long>(std::max(1.0, config_.rate)))});
    const milliseconds time(static_cast<long>(std::ceil(rows.real(0, 0) * 1000)));
    if (Clock::now() + time > until) {
        // A pause that Twilio asked for: others may have the messages meanwhile.
        next_start_ = Clock::now() + time;
        return false;
    }
    shared_.wait(time, State::running);
    return may_go_on();
}

// Ends the request for a message without asking if Twilio refused its account. Returns whether it did.
bool Worker::give_up_refused(Claim &claim) {
    const long status = shared_.account_refused_with(claim.account);
    if (status != 0)
        finish_refused(claim, status);
    return status != 0;
}

void Worker::finish_refused(Claim &claim, long status) {
    failed_ = true;
    finish(claim, "failed", "Twilio refused the account that callbacks named (HTTP " + std::to_string(status) + ")");
}

void Worker::note(const Answer &answer, const std::string &account) {
    if (answer.result == Result::refused && account != shared_.credentials().account) {
        if (shared_.refuse_account(account, answer.status) && refusal_log_.admit())
            log(LogLevel::error, "Twilio refused an account",
                {{"account", account},
                 {"status", answer.status},
                 {"hint", "its messages are not fetched for an hour, or until SIGHUP"},
                 {"suppressed", refusal_log_.take_suppressed()}});
    } else if (answer.result == Result::refused) {
        if (shared_.refuse(answer.status))
            log(LogLevel::error, "Twilio refused the credentials",
                {{"status", answer.status}, {"hint", "no request is sent until SIGHUP or a restart"}});
    } else if (answer.result != Result::ok && answer.result != Result::not_found && !shared_.stopped() &&
               failure_log_.admit()) {
        log(LogLevel::warning, "request failed",
            {{"reason", answer.reason}, {"suppressed", failure_log_.take_suppressed()}});
    }
}

// Lets all workers wait if Twilio asks for it.
void Worker::give_way(const Answer &answer) {
    if (answer.result != Result::throttled && !answer.retry_after)
        return;
    const milliseconds pause = answer.retry_after ? milliseconds(*answer.retry_after) : backoff(1);
    database_.query("SELECT msgstatus.pause_requests('twilio', $1::interval)", {seconds(pause)});
}

milliseconds Worker::backoff(std::size_t attempts) {
    const double doubled = static_cast<double>(config_.backoff.count()) *
                           std::exp2(static_cast<double>(std::min<std::size_t>(attempts, 20)) - 1);
    const double most = std::min(doubled, static_cast<double>(longest_backoff.count()));
    return milliseconds(static_cast<long>(most * std::uniform_real_distribution<>(0.5, 1.0)(random_)));
}

// Returns how long there is nothing to do, unless a notification comes.
milliseconds Worker::until_due() {
    const Rows rows = database_.query(
        "SELECT extract(epoch FROM min(q.next_attempt_at) - clock_timestamp()) FROM msgstatus.refresh_queue AS q");
    milliseconds time = longest_sleep;
    if (Clock::now() < next_start_)
        return std::min(time, std::chrono::ceil<milliseconds>(next_start_ - Clock::now()));
    if (!rows.is_null(0, 0))
        time = std::min(
            time, milliseconds(static_cast<long>(std::max(0.0, std::ceil(std::min(rows.real(0, 0), 3600.0) * 1000)))));
    if (comparison_)
        time = std::min(
            time, std::chrono::ceil<milliseconds>(std::max(comparison_->next - Clock::now(), Clock::duration(0))));
    else if (compares_ && config_.reconcile_every != 0ms)
        time = std::min(time,
                        std::chrono::ceil<milliseconds>(std::max(next_comparison_ - Clock::now(), Clock::duration(0))));
    return time;
}

} // namespace msgstatus::refresh
