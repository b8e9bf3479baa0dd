#include "console/line.hpp"

#include <algorithm>
#include <array>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t most_waiting = 16;
constexpr const char *nobody_waits = "The answer came too late; nothing was done.";
constexpr std::chrono::seconds patience(5); // with a server that does not keep to its timeout

// Returns whether the server refused the name or the password, as far as its SQLSTATE says.
bool is_wrong_password(const std::string &error) {
    return error.find("28P01") != std::string::npos || error.find("28000") != std::string::npos;
}

std::string session_settings(std::chrono::milliseconds timeout) {
    return "SET default_transaction_read_only = on; SET search_path = pg_catalog, pg_temp; SET client_min_messages = "
           "error; "
           "SET idle_in_transaction_session_timeout = '10s'; SET client_connection_check_interval = '2s'; "
           "SET TimeZone = 'UTC'; SET DateStyle = ISO; SET statement_timeout = " +
           std::to_string(timeout.count());
}

// Returns a query for whether the database has functions of routes, and whether the role may call one of them.
std::string rights_query() {
    std::string names;
    for (const Route &route : routes()) {
        if (*route.function != '\0')
            names.append(names.empty() ? "'" : ", '").append(route.function).append("'");
    }
    return "SELECT count(*) > 0, COALESCE(bool_or(has_schema_privilege(n.oid, 'USAGE') AND "
           "has_function_privilege(p.oid, 'EXECUTE')), false) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = "
           "p.pronamespace WHERE n.nspname = 'msgstatus' AND p.proname IN (" +
           names + ")";
}

bool is_true(const PgResult &result, int column) {
    return *PQgetvalue(result.get(), 0, column) == 't';
}

std::string prepare_statement(const Route &route) {
    const std::string function = std::string("msgstatus.") + route.function;
    if (route.kind == RouteKind::text)
        return std::string("PREPARE ") + route.function +
               "(text, text) AS SELECT array_to_string(ARRAY(SELECT jsonb_array_elements_text(p -> 'lines')), ''), "
               "p ->> 'next', msgstatus.weblog_csv_header() FROM " +
               function + "($1::jsonb || jsonb_build_object('cursor', $2, 'limit', '2000')) AS p";
    return std::string("PREPARE ") + route.function + "(text) AS SELECT " + function + "($1::jsonb)::text";
}

} // namespace

std::string ask_for_level(const std::string &role, const std::string &level) {
    // As regrole reads it, and within a literal, since it is there to be copied.
    const bool is_plain =
        role.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos && !role.empty();
    std::string name;
    for (const char c : role)
        name.append(c == '"' || c == '\'' ? 2 : 1, c);
    return "Ask an administrator for the level " + level + ": SELECT msgstatus.grant_access('" +
           (is_plain ? name : '"' + name + '"') + "', '" + level + "')";
}

bool Line::is_lost() const {
    try {
        connection_.check();
        return false;
    } catch (const ConnectionLost &) {
        return true;
    }
}

// Returns when no other statement is executed.
Awaitable<> Line::take_turn() {
    if (!busy_) {
        busy_ = true;
        co_return;
    }
    if (waiting_.size() >= most_waiting)
        throw Refusal(503, "Too many requests of yours wait already; try again in a moment.");
    Waiter mine{Event(executor_)};
    waiting_.push_back(&mine);
    while (!mine.has_turn)
        co_await mine.event.wait();
}

void Line::pass_on() {
    busy_ = !waiting_.empty();
    if (!busy_)
        return;
    waiting_.front()->has_turn = true;
    waiting_.front()->event.wake();
    waiting_.pop_front();
}

Awaitable<PgResult> Line::run(std::string sql) {
    connection_.query(sql);
    PgResult result = co_await connection_.result(statement_timeout_ + patience);
    co_return result;
}

Awaitable<> Line::connect(std::string conninfo, PgLogin login) {
    const bool has_password = !login.user.empty();
    std::string problem;
    try {
        co_await connection_.connect(std::move(conninfo), std::move(login));
    } catch (const ConnectionLost &error) {
        problem = error.what();
    }
    if (has_password && is_wrong_password(problem))
        throw Refusal(401, "The name or the password is wrong.", "password");
    if (!problem.empty())
        throw Refusal(503, problem.find("53300") != std::string::npos
                               ? "The database has no connection left; try again later."
                               : "The database cannot be reached; try again later.");
    // Else every password would do.
    if (has_password && PQconnectionUsedPassword(connection_.get()) == 0) {
        connection_.close("no password was asked for");
        throw Refusal(503, "The database does not ask for passwords, so nobody can sign in; see pg_hba.conf.");
    }
}

// Becomes the person, and not the console's own role, under whatever name.
Awaitable<> Line::become(std::string person) {
    PgResult result = co_await run("PREPARE become(text) AS SELECT set_config('role', $1, false)");
    const std::array<std::string_view, 1> parameters{person};
    connection_.execute("become", parameters);
    result = co_await connection_.result(statement_timeout_ + patience);
    if (!succeeded(result))
        throw Refusal(403, "The role " + person + " is not known here, or not granted to the console's role.", "role");
    result = co_await run("SELECT 1 / (current_user <> session_user)::integer");
    if (!succeeded(result))
        throw Refusal(403, "The console's own role is nobody's.", "role");
}

// A connection is for those who may do something with it: they are few.
Awaitable<> Line::check_rights(std::string role) {
    const PgResult result = co_await run(rights_query());
    if (!succeeded(result) || !is_true(result, 0))
        throw Refusal(503, no_web_log);
    if (!is_true(result, 1))
        throw Refusal(403, "The role " + role + " has no right to the web log. " + ask_for_level(role, "analyst"),
                      "rights");
}

Awaitable<> Line::open(std::string conninfo, PgLogin login, std::string person) {
    const std::shared_ptr<Line> self = shared_from_this(); // a thread connects
    const std::string role = person.empty() ? login.user : person;
    co_await take_turn();
    const Turn turn(self);
    co_await connect(std::move(conninfo), std::move(login));
    try {
        const PgResult result = co_await run(session_settings(statement_timeout_));
        if (!succeeded(result))
            throw Refusal(503, "The database cannot be reached; try again later.");
        if (!person.empty())
            co_await become(std::move(person));
        co_await check_rights(role);
    } catch (const ConnectionLost &) {
        throw Refusal(503, "The database cannot be reached; try again later.");
    } catch (const Refusal &refusal) {
        connection_.close(refusal.what());
        throw;
    }
}

void Line::cancel(std::uint64_t serial) {
    if (in_flight_ && serial == serial_)
        connection_.cancel(shared_from_this());
}

Awaitable<PgResult> Line::call(const Route &route, std::string parameters, std::string cursor, AnswerTo to) {
    const std::shared_ptr<Line> self = shared_from_this();
    co_await take_turn();
    const Turn turn(self);
    if (!to.is_awaited())
        throw Refusal(503, nobody_waits);
    connection_.check();
    const Clock::time_point started = Clock::now();
    in_flight_ = true;
    if (to.sink)
        to.sink->when_left(to.number, [self, serial = ++serial_] { self->cancel(serial); });
    PgResult result;
    if (!prepared_.contains(route.function)) {
        result = co_await run(prepare_statement(route));
        if (succeeded(result))
            prepared_.insert(route.function);
    }
    if (route.acts && (!result || succeeded(result)))
        result = co_await run("SET default_transaction_read_only = off");
    const bool is_late = route.acts && !to.is_awaited(); // what it may have been told is that nothing was done
    if (!is_late && (!result || succeeded(result))) {
        const std::array<std::string_view, 2> texts{parameters, cursor};
        connection_.execute(route.function, std::span(texts).first(route.kind == RouteKind::text ? 2 : 1));
        result = co_await connection_.result(statement_timeout_ + patience);
    }
    in_flight_ = false;
    while (connection_.is_cancelling()) // what is late would meet the next statement
        co_await wake_.wait();
    if (route.acts) {
        const PgResult back = co_await run("SET default_transaction_read_only = on");
        if (!succeeded(back))
            connection_.close("the session is not read-only");
    }
    if (is_late)
        throw Refusal(503, nobody_waits);
    metrics_.count_query(route.function, std::chrono::duration<double>(Clock::now() - started).count());
    co_return result;
}

} // namespace msgstatus::receiver
