// A person's connection to the database.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "console/metrics.hpp"
#include "console/routes.hpp"
#include "database/connection.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {

/// Somebody cannot be signed in, or too much is asked for; the answer says what.
class Refusal : public std::runtime_error {
public:
    /// @param reason  of a sign-in, for metrics and log; not copied
    explicit Refusal(unsigned status, const std::string &message, std::string_view reason = "database")
        : std::runtime_error(message), status_(status), reason_(reason) {}
    unsigned status() const noexcept { return status_; }
    std::string_view reason() const noexcept { return reason_; }

private:
    unsigned status_;
    std::string_view reason_;
};

inline constexpr const char *no_web_log = "The database has no web log of this version: its administrator updates the "
                                          "extension msgstatus, and calls msgstatus.install().";

/// Returns what to ask an administrator for.
std::string ask_for_level(const std::string &role, const std::string &level);

/// Line is the connection of a person who is signed in: all that is done in it is done with that person's rights. It
/// executes one statement at a time; a few more wait in their order. Nothing in it writes but calls of routes that act.
class Line : public std::enable_shared_from_this<Line> {
public:
    Line(const Executor &executor, ConsoleMetrics &metrics, std::chrono::milliseconds statement_timeout)
        : executor_(executor), metrics_(metrics), statement_timeout_(statement_timeout), wake_(executor),
          connection_(executor, wake_) {}

    /// Connects as the person, whose password PostgreSQL checks; without a name and a password in the login as the
    /// console, which then becomes the person. Who may call no function of a route is refused, and the connection
    /// closed.
    /// @param person  empty, or the role to become
    /// @throws Refusal
    Awaitable<> open(std::string conninfo, PgLogin login, std::string person);

    /// Calls the function of a route, and returns what it returns, or the error.
    /// @param parameters  one JSON object
    /// @param cursor      for the functions that return pages of text: where the page begins
    /// @param to          who waits for it: when the client leaves, or was told that it took too long, the statement is
    ///                    cancelled, and does not begin if it had to wait until then
    /// @throws ConnectionLost
    /// @throws Refusal if too many statements wait already, or nobody waits for the answer
    Awaitable<PgResult> call(const Route &route, std::string parameters, std::string cursor, AnswerTo to);

    bool is_lost() const;
    void close() { connection_.close("signed out"); }

private:
    struct Waiter {
        Event event;
        bool has_turn = false;
    };
    struct Turn {
        std::shared_ptr<Line> line;
        explicit Turn(std::shared_ptr<Line> of) : line(std::move(of)) {}
        Turn(Turn &&) = default;
        Turn &operator=(Turn &&) = delete;
        ~Turn() {
            if (line)
                line->pass_on();
        }
    };

    Awaitable<> take_turn();
    void pass_on();
    Awaitable<PgResult> run(std::string sql);
    Awaitable<> connect(std::string conninfo, PgLogin login);
    Awaitable<> become(std::string person);
    Awaitable<> check_rights(std::string role);
    void cancel(std::uint64_t serial);

    Executor executor_;
    ConsoleMetrics &metrics_;
    std::chrono::milliseconds statement_timeout_;
    Event wake_;
    PgConnection connection_;
    std::deque<Waiter *> waiting_;
    std::set<std::string_view> prepared_; ///< functions
    std::uint64_t serial_ = 0;            ///< of the statement, so that no other is cancelled
    bool busy_ = false;
    bool in_flight_ = false;
};

} // namespace msgstatus::receiver
