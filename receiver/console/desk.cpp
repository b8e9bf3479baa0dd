#include "console/desk.hpp"

#include <cmath>
#include <utility>

#include <rapidjson/document.h>

#include "base/spawn.hpp"
#include "base/text_codec.hpp"
#include "console/assets.hpp"
#include "observe/log.hpp"

namespace msgstatus::receiver {
namespace {

namespace http = boost::beast::http;

constexpr const char *application = "msgstatus-console";
constexpr std::size_t longest_name = 63;    // of a role
constexpr std::size_t most_signing_in = 16; // a thread each
constexpr std::size_t most_signing_in_of_role = 4;
constexpr std::string_view only_https = "Strict-Transport-Security: max-age=31536000\r\n";

// Counts a sign-in of a role for as long as it is under way.
class SigningIn {
public:
    SigningIn(std::map<std::string, std::size_t> &counts, const std::string &role)
        : counts_(counts), count_(counts.try_emplace(role, 0).first) {
        ++count_->second;
    }
    SigningIn(const SigningIn &) = delete;
    SigningIn &operator=(const SigningIn &) = delete;
    ~SigningIn() {
        if (--count_->second == 0)
            counts_.erase(count_);
    }

private:
    std::map<std::string, std::size_t> &counts_;
    std::map<std::string, std::size_t>::iterator count_;
};

std::string_view value_of(const PgResult &result, int column) {
    return {PQgetvalue(result.get(), 0, column), static_cast<std::size_t>(PQgetlength(result.get(), 0, column))};
}

// Returns what the server says, as a sentence.
std::string sentence_of(const PgResult &result) {
    std::string text = primary_message_of(result);
    const std::string_view hint = error_field(result, PG_DIAG_MESSAGE_HINT);
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
        text[0] = static_cast<char>(text[0] - ('a' - 'A'));
    if (!text.ends_with('.'))
        text += '.';
    return hint.empty() ? text : text + " " + std::string(hint);
}

// Returns the answer to a failed statement.
Answer failure_answer(const PgResult &result, const Route &route, const std::string &role) {
    const std::string_view state = sqlstate_of(result);
    if (state == "42501" && error_field(result, PG_DIAG_SOURCE_FUNCTION) == "aclcheck_error") {
        return error_answer(403, "You may not " + std::string(route.acts ? "do" : "read") + " this. " +
                                     ask_for_level(role, route.acts ? "operator" : "analyst"));
    }
    if (state == "42501")
        return error_answer(403, sentence_of(result));
    if (state.starts_with("22"))
        return error_answer(400, sentence_of(result));
    if (state == "57014")
        return error_answer(504, "The database took too long; ask for less, e.g. for a shorter time.");
    if (state == "42883" || state == "3F000")
        return error_answer(503, no_web_log);
    if (state == "25006" || state.starts_with("53") || state.starts_with("57") || state.starts_with("40"))
        return unavailable_answer("database", "The database takes no requests of this kind now; try again later.");
    return error_answer(500, sentence_of(result));
}

// The lines of a CSV, page by page: the next one is asked for when the client has taken the last.
class Lines : public BodySource {
public:
    Lines(const Route &route, std::shared_ptr<Visitor> visitor, std::string parameters, const PgResult &first)
        : route_(route), visitor_(std::move(visitor)), parameters_(std::move(parameters)), piece_(value_of(first, 2)) {
        take(first);
    }

    Awaitable<std::string> next() override {
        while (piece_.empty() && !cursor_.empty()) {
            AnswerTo nobody; // a client that leaves takes no further piece
            const PgResult page = co_await visitor_->line->call(route_, parameters_, cursor_, std::move(nobody));
            if (!succeeded(page))
                throw std::runtime_error(primary_message_of(page));
            visitor_->active = Clock::now();
            take(page);
        }
        co_return std::exchange(piece_, {});
    }

private:
    void take(const PgResult &page) {
        piece_ += value_of(page, 0);
        cursor_ = value_of(page, 1); // empty where NULL
    }

    const Route &route_;
    std::shared_ptr<Visitor> visitor_;
    std::string parameters_;
    std::string piece_;
    std::string cursor_;
};

} // namespace

Desk::Desk(boost::asio::io_context &context, const ConsoleConfig &config, ConsoleMetrics &metrics)
    : context_(context), config_(config), metrics_(metrics), gate_(config),
      visitors_(config.session_idle, config.session_length, config.max_sessions, config.sessions_per_role) {}

void Desk::note_headers(const RequestParser::value_type &head, Request &request) {
    BrowserHeaders &browser = request.browser;
    const auto note = [&](std::string_view name, std::string_view &value) {
        const boost::beast::string_view field(name.data(), name.size());
        value = {head[field].data(), head[field].size()};
        browser.ambiguous = browser.ambiguous || head.count(field) > 1;
    };
    note("Cookie", browser.cookie);
    note("Origin", browser.origin);
    note("Sec-Fetch-Site", browser.fetch_site);
    note("If-None-Match", browser.if_none_match);
    note("Accept-Encoding", browser.accept_encoding);
    note("Content-Type", browser.content_type);
    if (!config_.user_header.empty() && request.through_proxy)
        note(config_.user_header, browser.user);
}

std::optional<Answer> Desk::check_head(Request &request) {
    const BrowserHeaders &browser = request.browser;
    if (!gate_.is_own_host(request.host))
        return error_answer(421, "This address is not served under that name; see --public-url.");
    if (browser.ambiguous)
        return error_answer(400, "A header came twice.");
    std::string allowed;
    const Route *const route = find_route(request.method, request.path(), allowed);
    if (route == nullptr && allowed.empty())
        return error_answer(404, "There is no such address.");
    if (route == nullptr) {
        Answer answer = error_answer(405, "This address is not for that method.");
        answer.headers = "Allow: " + allowed + "\r\n";
        return answer;
    }
    request.route = static_cast<std::uint8_t>(route - routes().data());
    if (route->kind == RouteKind::page || route->kind == RouteKind::asset)
        return std::nullopt;
    const bool is_foreign = browser.fetch_site == "cross-site" || browser.fetch_site == "same-site";
    if (is_foreign || (request.method == http::verb::post && !gate_.is_same_origin(browser, request.host)))
        return error_answer(
            403, "This must be asked for by the page itself: the Origin of the request is another, or missing.");
    if (request.method == http::verb::post && (browser.content_type.empty() || request.media_type != MediaType::json))
        return error_answer(415, "The body must be JSON, with Content-Type: application/json.");
    return std::nullopt;
}

void Desk::handle(Request &request, AnswerTo to) {
    const Route &route = routes()[request.route];
    if (route.kind == RouteKind::page || route.kind == RouteKind::asset)
        return to.send(asset_answer(
            route.kind == RouteKind::page ? "index.html" : request.path().substr(route.path.size() - 1), request));
    Call call{.route = route,
              .parameters = {},
              .body = {},
              .token = std::string(cookie_value(request.browser.cookie, cookie_name())),
              .user = std::string(request.browser.user),
              .request_id = request.id,
              .client = request.client};
    if (route.kind == RouteKind::login)
        call.body = request.body.text();
    else if (route.kind != RouteKind::logout) {
        if (const auto problem = read_parameters(route, request, call.parameters))
            return to.send(error_answer(400, *problem));
    }
    spawn(context_, serve(std::move(call), std::move(to)));
}

void Desk::complete(const Request &, Answer &answer) {
    if (answer.headers.find("Cache-Control:") == std::string::npos)
        answer.headers += "Cache-Control: no-store\r\n";
    answer.headers += security_headers;
    if (config_.public_url.starts_with("https://"))
        answer.headers += only_https;
}

void Desk::answered(const Request &request, const Answer &answer, Clock::duration duration) {
    const std::string_view path = request.route == 0 ? "other" : routes()[request.route].path;
    ++metrics_.requests[{path, answer.status}];
    if (!log_enabled(LogLevel::debug))
        return;
    // Not the address: it may name a person.
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    log(LogLevel::debug, "request",
        {{"request_id", request.id},
         {"route", path},
         {"status", answer.status},
         {"client", request.client.text()},
         {"us", microseconds}});
}

Awaitable<> Desk::serve(Call call, AnswerTo to) {
    Answer answer;
    try {
        answer = co_await answer_to(call, to);
    } catch (const Refusal &refusal) {
        answer = error_answer(refusal.status(), refusal.what());
        answer.retry_after = refusal.status() == 503 ? 5 : 0;
    } catch (const ConnectionLost &) {
        answer = unavailable_answer(
            "database", "The connection to the database was lost; what was asked for may or may not have been done.");
    } catch (const std::exception &) {
        answer = unavailable_answer("memory", "Out of memory; try again later.");
    }
    to.send(std::move(answer));
}

Awaitable<Answer> Desk::answer_to(const Call &call, AnswerTo to) {
    Answer answer;
    if (call.route.kind == RouteKind::login)
        answer = co_await sign_in(call, std::move(to));
    else if (call.route.kind == RouteKind::logout)
        answer = sign_out(call);
    else
        answer = co_await call_function(call, std::move(to));
    co_return answer;
}

void Desk::refuse_sign_in(std::string_view reason, const Call &call) {
    ++metrics_.refused_sign_ins[reason];
    if (refusal_log_.admit()) // not the name, which is now and then a password
        log(LogLevel::warning, "sign-in refused",
            {{"reason", reason},
             {"client", call.client.text()},
             {"request_id", call.request_id},
             {"suppressed", refusal_log_.take_suppressed()}});
}

// @param key  of the session that the new one would replace, if there is one
void Desk::check_room(const std::string &role, const std::string &key, const Call &call) {
    if (!visitors_.has_room(role, key))
        visitors_.sweep();
    if (visitors_.has_room(role, key))
        return;
    refuse_sign_in("full", call);
    throw Refusal(503, "Too many people are signed in; try again later.", "full");
}

void Desk::check_pace(const std::string &role, const Call &call) {
    std::size_t all = 0;
    for (const auto &[name, count] : signing_in_)
        all += count;
    const auto of_role = signing_in_.find(role);
    if (all < most_signing_in && (of_role == signing_in_.end() || of_role->second < most_signing_in_of_role))
        return;
    refuse_sign_in("full", call);
    throw Refusal(503, "Too many people are signing in; try again in a moment.", "full");
}

// The prefix has browsers take the cookie only by HTTPS, and from this host alone.
std::string_view Desk::cookie_name() const {
    return config_.is_https() ? "__Host-msgstatus_session" : "msgstatus_session";
}

std::string Desk::cookie(std::string_view token, std::string_view more) const {
    std::string line = "Set-Cookie: ";
    line.append(cookie_name()).append("=").append(token).append("; Path=/; HttpOnly; SameSite=Strict").append(more);
    return line + (config_.is_https() ? "; Secure\r\n" : "\r\n");
}

Awaitable<Answer> Desk::sign_in(const Call &call, AnswerTo to) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag>(call.body.data(),
                                                                                           call.body.size());
    const auto text = [&](const char *name) {
        const bool is_text =
            !document.HasParseError() && document.IsObject() && document.HasMember(name) && document[name].IsString();
        return is_text ? std::string(document[name].GetString(), document[name].GetStringLength()) : std::string();
    };
    PgLogin login{.application = application, .user = text("role"), .password = text("password")};
    if (login.user.empty() || login.password.empty() || login.user.size() > longest_name ||
        (login.user + login.password).find('\0') != std::string::npos)
        throw Refusal(
            400, "To sign in, give the name of a role and its password: {\"role\": \"...\", \"password\": \"...\"}.");
    const std::string role = login.user;
    const Clock::time_point now = Clock::now();
    const auto wait = guesses_.wait(role, call.client, now);
    if (wait > Clock::duration::zero()) {
        refuse_sign_in("guessing", call);
        Answer answer = error_answer(429, "Too many wrong passwords; wait a little before the next attempt.");
        answer.retry_after = static_cast<unsigned>(std::ceil(std::chrono::duration<double>(wait).count()));
        co_return answer;
    }
    const std::string old_key = Visitors::key_of_token(call.token); // a browser has one session
    check_room(role, old_key, call);
    check_pace(role, call);
    guesses_.count(role, call.client, now);
    const std::shared_ptr<Line> line = new_line();
    try {
        const SigningIn one(signing_in_, role);
        std::string nobody_else;
        co_await line->open(config_.database, std::move(login), std::move(nobody_else));
    } catch (const Refusal &refusal) {
        if (refusal.status() == 503)
            guesses_.was_none(role, call.client);
        refuse_sign_in(refusal.reason(), call);
        throw;
    }
    guesses_.was_none(role, call.client);
    guesses_.remember(role, call.client);
    if (!to.is_awaited()) { // nobody would have the token
        line->close();
        throw Refusal(503, "The database took too long; try again later.");
    }
    check_room(role, old_key, call);
    visitors_.remove(old_key);
    visitors_.make_room(role);
    const std::string token = Visitors::new_token();
    visitors_.add(Visitors::key_of_token(token), std::make_shared<Visitor>(Visitor{.line = line, .role = role}));
    ++metrics_.sign_ins["password"];
    log(LogLevel::info, "signed in",
        {{"role", mask_personal_data(role)}, {"client", call.client.text()}, {"request_id", call.request_id}});
    Answer answer = json_answer(R"({"status":"success"})");
    answer.headers = cookie(token, "");
    co_return answer;
}

Answer Desk::sign_out(const Call &call) {
    const std::string key = call.user.empty() ? Visitors::key_of_token(call.token) : Visitors::key_of_user(call.user);
    if (const std::shared_ptr<Visitor> visitor = visitors_.find(key))
        log(LogLevel::info, "signed out",
            {{"role", mask_personal_data(visitor->role)}, {"request_id", call.request_id}});
    visitors_.remove(key);
    Answer answer = json_answer(R"({"status":"success"})");
    answer.headers = cookie("", "; Max-Age=0");
    return answer;
}

// Returns who asks: the person of the cookie or, where a proxy says who that is, a person who is signed in by that.
Awaitable<std::shared_ptr<Visitor>> Desk::visitor_of(const Call &call) {
    const bool by_proxy = !call.user.empty();
    const std::string key = by_proxy ? Visitors::key_of_user(call.user) : Visitors::key_of_token(call.token);
    std::shared_ptr<Visitor> visitor = visitors_.find(key);
    const bool was_lost = visitor && visitor->line->is_lost();
    if (was_lost)
        visitors_.remove(key);
    if (!by_proxy && !visitor)
        throw Refusal(401, "Sign in first.");
    if (!by_proxy && was_lost)
        throw Refusal(401, "The connection to the database was lost; sign in again.");
    if (!visitor || was_lost) {
        if (call.user == "none" || call.user.size() > longest_name || !is_utf8(call.user))
            throw Refusal(403, "The proxy names no role.");
        check_room(call.user, key, call);
        check_pace(call.user, call);
        visitors_.make_room(call.user);
        visitor = std::make_shared<Visitor>(Visitor{.line = new_line(), .role = call.user});
        visitors_.add(key, visitor);
        PgLogin own{.application = application, .user = {}, .password = {}};
        try {
            const SigningIn one(signing_in_, call.user);
            co_await visitor->line->open(config_.database, std::move(own), call.user);
        } catch (const std::exception &error) {
            if (const auto *refusal = dynamic_cast<const Refusal *>(&error))
                refuse_sign_in(refusal->reason(), call);
            if (visitors_.find(key) == visitor)
                visitors_.remove(key);
            throw;
        }
        ++metrics_.sign_ins["proxy"];
        log(LogLevel::info, "signed in",
            {{"role", mask_personal_data(call.user)}, {"by", "proxy"}, {"request_id", call.request_id}});
    }
    if (!call.route.is_background)
        visitor->active = Clock::now();
    co_return visitor;
}

Awaitable<Answer> Desk::call_function(const Call &call, AnswerTo to) {
    const std::shared_ptr<Visitor> visitor = co_await visitor_of(call);
    std::string beginning;
    const PgResult result =
        co_await visitor->line->call(call.route, call.parameters, std::move(beginning), std::move(to));
    const bool failed = !succeeded(result);
    if (failed && sqlstate_of(result) == "57014")
        ++metrics_.cancelled_queries;
    if (call.route.acts)
        log(LogLevel::info, "action",
            {{"route", call.route.path},
             {"role", mask_personal_data(visitor->role)},
             {"sqlstate", sqlstate_of(result)},
             {"request_id", call.request_id}});
    if (failed)
        co_return failure_answer(result, call.route, visitor->role);
    Answer answer;
    if (call.route.kind == RouteKind::text) {
        answer.source = std::make_shared<Lines>(call.route, visitor, call.parameters, result);
        answer.content_type = "text/csv; charset=utf-8";
        answer.headers = "Content-Disposition: attachment; filename=\"messages.csv\"\r\n";
    } else if (PQntuples(result.get()) == 1 && PQgetisnull(result.get(), 0, 0) == 0) {
        answer = json_answer(std::string(value_of(result, 0)));
    } else if (call.route.when_null != 200) {
        answer = error_answer(call.route.when_null, "There is no such message.");
    } else {
        answer = json_answer("null");
    }
    co_return answer;
}

} // namespace msgstatus::receiver
