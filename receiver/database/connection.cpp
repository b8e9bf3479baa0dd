#include "database/connection.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <tuple>
#include <utility>

#include <boost/asio/post.hpp>
#include <openssl/crypto.h>
#include <poll.h>

namespace msgstatus::receiver {
namespace {

constexpr std::chrono::seconds connect_time(30); // for all hosts together
constexpr std::chrono::milliseconds look_interval(100);
constexpr std::size_t most_parameters = 4;

void ignore_notice(void *, const PGresult *) {} // libpq would print it

} // namespace

bool succeeded(const PgResult &result) noexcept {
    const ExecStatusType status = PQresultStatus(result.get());
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

std::string_view error_field(const PgResult &result, int field) noexcept {
    const char *text = PQresultErrorField(result.get(), field);
    return text != nullptr ? text : std::string_view();
}

std::string primary_message_of(const PgResult &result) {
    std::string_view message = error_field(result, PG_DIAG_MESSAGE_PRIMARY);
    // A result that libpq made up itself, since the connection broke, has no fields, only a text of several lines.
    const std::string_view text = PQresultErrorMessage(result.get());
    if (message.empty())
        message = text.substr(0, text.find('\n'));
    return std::string(message.empty() ? "no message" : message);
}

PgConnection::PgConnection(const Executor &executor, Event &wake)
    : executor_(executor), wake_(wake), descriptor_(executor) {}

PgConnection::~PgConnection() {
    abandoned_ = true;
    if (thread_.joinable())
        thread_.join();
    close("closed");
}

void PgConnection::check() const {
    if (!lost_.empty())
        throw ConnectionLost(lost_);
}

// Notes that no more input comes. What libpq has already can still be read.
void PgConnection::lose(const std::string &reason) {
    if (lost_.empty())
        lost_ = reason;
    ++generation_;
    if (descriptor_.is_open())
        descriptor_.release();
    waits_to_send_ = false;
    wake_.wake();
}

void PgConnection::close(const std::string &reason) {
    lose(reason); // first, since Asio has to forget the descriptor before it is closed
    connection_.reset();
}

std::string PgConnection::error_text() const {
    std::string text = connection_ ? PQerrorMessage(connection_.get()) : "out of memory";
    std::replace(text.begin(), text.end(), '\n', ' ');
    while (text.ends_with(' '))
        text.pop_back();
    return text.empty() ? "connection lost" : text;
}

// Connects, and blocks meanwhile. The connection returned is not open yet if it took too long.
PgConnection::Connection PgConnection::open(const std::string &conninfo, const PgLogin &login) const {
    // Those before dbname are defaults that the connection string overrides, those behind it are not negotiable.
    const bool says_which = std::getenv("PGTARGETSESSIONATTRS") != nullptr; // NOLINT(concurrency-mt-unsafe)
    const std::array<std::pair<const char *, const char *>, 11> parameters{{
        {"fallback_application_name", login.application},
        {"tcp_user_timeout", "10000"}, // milliseconds; a host that does not answer must not hold up the next one
        {"keepalives_idle", "30"},     // seconds; that a host has gone is to be known before the next webhook comes
        {"keepalives_interval", "10"},
        {"keepalives_count", "3"},
        {"target_session_attrs", says_which ? nullptr : "read-write"},
        {"dbname", conninfo.c_str()},
        {"client_encoding", "UTF8"},
        {"user", login.user.empty() ? nullptr : login.user.c_str()},
        {"password", login.user.empty() ? nullptr : login.password.c_str()},
    }};
    std::array<const char *, parameters.size()> names{};
    std::array<const char *, parameters.size()> values{};
    for (std::size_t i = 0; i < parameters.size(); ++i)
        std::tie(names[i], values[i]) = parameters[i];
    Connection opened(PQconnectStartParams(names.data(), values.data(), 1));
    if (!opened || PQstatus(opened.get()) == CONNECTION_BAD)
        return opened;
    PQsetNoticeReceiver(opened.get(), ignore_notice, nullptr);
    if (!login.user.empty())
        PQsetErrorVerbosity(opened.get(), PQERRORS_SQLSTATE); // messages are translated, and hold the name
    const Clock::time_point deadline = Clock::now() + connect_time;
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    while (step == PGRES_POLLING_WRITING || step == PGRES_POLLING_READING) {
        const short awaited = step == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
        pollfd socket{.fd = PQsocket(opened.get()), .events = awaited, .revents = 0};
        if (abandoned_ || Clock::now() > deadline)
            return opened;
        if (poll(&socket, 1, look_interval.count()) > 0)
            step = PQconnectPoll(opened.get());
    }
    return opened;
}

Awaitable<> PgConnection::connect(std::string conninfo, PgLogin login) {
    close({});
    lost_.clear();
    thread_ = std::thread([this, conninfo = std::move(conninfo), login = std::move(login)]() mutable {
        Connection connected = open(conninfo, login);
        OPENSSL_cleanse(login.password.data(), login.password.size());
        boost::asio::post(executor_, [this, opened = std::move(connected)]() mutable {
            connection_ = std::move(opened);
            connecting_ = false;
            wake_.wake();
        });
    });
    connecting_ = true;
    while (connecting_)
        co_await wake_.wait();
    thread_.join();
    const ConnStatusType status = PQstatus(connection_.get());
    if (status != CONNECTION_OK)
        lose(status == CONNECTION_BAD ? error_text() : "timeout while connecting");
    check(); // it may also have been given up meanwhile
    PQsetnonblocking(connection_.get(), 1);
    error_code ec;
    descriptor_.assign(PQsocket(connection_.get()), ec);
    wait(Descriptor::wait_read); // for as long as the connection lasts, so that its end is noticed at once
}

Awaitable<> PgConnection::connect(std::string conninfo) {
    PgLogin login; // GCC 12 destroys an aggregate twice that is made within a co_await
    co_await connect(std::move(conninfo), std::move(login));
}

void PgConnection::wait(Descriptor::wait_type what) {
    descriptor_.async_wait(what, [this, what, generation = generation_](const error_code &ec) {
        if (ec || generation != generation_)
            return;
        bool alive = true;
        if (what == Descriptor::wait_write) {
            waits_to_send_ = false;
            flush(true);
        } else {
            // It also tries to send what is left, for a server that reads on only when we have read.
            alive = PQconsumeInput(connection_.get()) == 1;
            if (alive)
                wait(what);
        }
        PQisBusy(connection_.get()); // digests what comes unasked, e.g. a changed parameter
        // A result that was complete before the connection broke counts, and the server may have said why: result()
        // looks.
        if (!alive || PQstatus(connection_.get()) == CONNECTION_BAD)
            lose(error_text());
        wake_.wake();
    });
}

void PgConnection::flush(bool accepted) {
    const int rest = accepted ? PQflush(connection_.get()) : -1;
    if (rest < 0)
        lose(error_text());
    else if (rest == 1 && !std::exchange(waits_to_send_, true))
        wait(Descriptor::wait_write);
}

void PgConnection::query(const std::string &sql) {
    flush(PQsendQuery(connection_.get(), sql.c_str()) == 1);
}

void PgConnection::execute(const char *name, std::span<const std::string_view> parameters) {
    std::array<const char *, most_parameters> values{};
    std::array<int, most_parameters> lengths{};
    std::array<int, most_parameters> formats{};
    for (std::size_t i = 0; i < parameters.size() && i < most_parameters; ++i) {
        values[i] = parameters[i].data();
        lengths[i] = static_cast<int>(parameters[i].size());
        formats[i] = 1;
    }
    flush(PQsendQueryPrepared(connection_.get(), name, static_cast<int>(parameters.size()), values.data(),
                              lengths.data(), formats.data(), 1) == 1);
}

void PgConnection::cancel(std::shared_ptr<void> owner) {
    std::unique_ptr<PGcancel, PgFree> request(lost_.empty() ? PQgetCancel(connection_.get()) : nullptr);
    if (!request || cancelling_)
        return;
    thread_ =
        std::thread([this, request = std::move(request), owner = std::move(owner), executor = executor_]() mutable {
            std::array<char, 256> reason{};
            PQcancel(request.get(), reason.data(), reason.size());
            // The last reference may be this one; it ends where the connection lives, and after this thread.
            boost::asio::post(executor, [this, owner = std::move(owner)] {
                thread_.join();
                cancelling_ = false;
                wake_.wake();
            });
        });
    cancelling_ = true;
}

Awaitable<PgResult> PgConnection::result(std::chrono::milliseconds time) {
    const Clock::time_point deadline = Clock::now() + time;
    const auto is_busy = [this] { return PQisBusy(connection_.get()) == 1; };
    PgResult kept;
    bool complete = false;
    while (true) {
        while (is_busy() && lost_.empty() && Clock::now() < deadline)
            co_await wake_.wait(deadline);
        if (is_busy()) {
            lose("the database does not answer");
            break;
        }
        PgResult next(PQgetResult(connection_.get()));
        if (!next) {
            // libpq has seen that the server is ready for the next command: what was called is committed, even if the
            // connection broke after that.
            complete = connection_ != nullptr;
            break;
        }
        const ExecStatusType status = PQresultStatus(next.get());
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            lose("the server wants to copy, which nobody asked for");
            break;
        }
        if (!kept || succeeded(kept))
            kept = std::move(next);
    }
    const bool failed = kept && !succeeded(kept);
    if (complete && !kept)
        lose("the server did not answer the command");
    else if (complete && lost_.empty() && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE)
        lose("a call left a transaction open");
    else if (complete && (lost_.empty() || !failed))
        co_return kept;
    throw ConnectionLost(failed ? primary_message_of(kept) : lost_);
}

} // namespace msgstatus::receiver
