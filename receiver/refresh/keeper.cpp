#include "refresh/keeper.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <unistd.h>

#include "observe/log.hpp"
#include "refresh/sid.hpp"
#include "refresh/twilio.hpp"

namespace msgstatus::refresh {
namespace {

using namespace std::chrono_literals;
using receiver::log;
using receiver::LogLevel;
using std::chrono::milliseconds;

constexpr milliseconds between_reports = 20s;
constexpr milliseconds between_looks = 60s; // for stuck messages
constexpr const char *most_stuck = "1000";

std::string seconds(milliseconds time) {
    return std::to_string(static_cast<double>(time.count()) / 1000) + " seconds";
}

} // namespace

std::string worker_name() {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return std::string(host.data()) + ":" + std::to_string(getpid());
}

Keeper::Keeper(Shared &shared, std::string name)
    : shared_(shared), name_(std::move(name)), database_(shared.config().database, shared.metrics().connections) {}

void Keeper::run() {
    while (!shared_.stopped()) {
        const State seen = shared_.state();
        try {
            keep();
        } catch (const DatabaseError &) { // the workers log that
            database_.disconnect();
        }
        const milliseconds stuck_after = shared_.config().stuck_after;
        shared_.wait(
            stuck_after == 0ms ? between_reports : std::clamp(stuck_after, milliseconds(100ms), between_reports), seen);
    }
    try {
        database_.connect();
        report("stopped", "");
    } catch (const DatabaseError &) {
        database_.disconnect(); // it counts as ended a minute later anyhow
    }
}

void Keeper::keep() {
    database_.connect();
    switch (shared_.state()) {
    case State::running:
        report("running", "");
        ask_for_stuck();
        break;
    case State::not_configured:
        report("not configured", "Twilio client not configured");
        break;
    case State::refused:
        report("refused", "Twilio refused the credentials (HTTP " + std::to_string(shared_.refused_with()) + ")");
        break;
    }
}

void Keeper::report(const char *state, const std::string &detail) {
    database_.query("SELECT msgstatus.refresh_worker_seen($1, $2, $3)",
                    {name_, state, detail.empty() ? Parameter() : Parameter(detail)});
}

void Keeper::ask_for_stuck() {
    const milliseconds stuck_after = shared_.config().stuck_after;
    const Clock::time_point now = Clock::now();
    if (stuck_after == 0ms || now < next_stuck_)
        return;
    const Rows rows = database_.query("SELECT msgstatus.request_stuck_refreshes($1::interval, $2::integer)",
                                      {seconds(stuck_after), most_stuck});
    // A database in which the look takes long is looked at less often: a twentieth of the time at most.
    next_stuck_ = now + std::max<Clock::duration>(std::min(stuck_after, between_looks), 20 * (Clock::now() - now));
    const long long asked = rows.number(0, 0);
    shared_.metrics().stuck += static_cast<std::uint64_t>(asked);
    if (asked > 0)
        log(LogLevel::info, "asked for stuck messages", {{"messages", asked}});
}

void Keeper::print_due() {
    const Config &config = shared_.config();
    database_.connect();
    const auto print = [&](const std::string &path) {
        std::printf("GET %s%s\n", config.twilio_url.c_str(), path.c_str());
    };
    const std::string account = config.account.empty() ? "ACCOUNT" : config.account;
    const Rows rows = database_.query(R"(
        SELECT d.message_id, (SELECT a.account_sid FROM msgstatus.refresh_account AS a WHERE a.message_id = d.message_id ORDER BY a.received_at DESC LIMIT 1)
        FROM (
            (SELECT q.message_id FROM msgstatus.refresh_queue AS q WHERE q.next_attempt_at <= now() ORDER BY q.next_attempt_at)
            UNION ALL
            (SELECT s.message_id FROM msgstatus.refresh_stuck AS s
                WHERE $1::interval > '0' AND s.created_at <= now() - $1::interval AND s.created_at > now() - interval '7 days'
                ORDER BY s.created_at LIMIT $2::integer)
        ) AS d)",
                                      {seconds(config.stuck_after), most_stuck});
    for (int i = 0; i < rows.size(); ++i) {
        const std::string own = rows.text(i, 1);
        if (is_message_sid(rows.text(i, 0)))
            print(message_path(is_account_sid(own) ? own : account, rows.text(i, 0)));
    }
    if (config.reconcile_every > 0ms) {
        const Rows lists = database_.query(
            "SELECT a.account_sid, to_char((now() - $1::interval) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
            " FROM (SELECT $2 UNION ALL SELECT n FROM unnest(msgstatus.callback_accounts(now() - $1::interval)) AS n"
            " WHERE n <> $2) AS a (account_sid)",
            {std::to_string(config.reconcile_days) + " days", account});
        for (int i = 0; i < lists.size(); ++i)
            print(list_path(lists.text(i, 0), lists.text(i, 1)));
    }
}

} // namespace msgstatus::refresh
