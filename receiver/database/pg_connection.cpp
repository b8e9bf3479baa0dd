#include "database/pg_connection.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <boost/asio/post.hpp>

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void ignore_notice(void *, const PGresult *) {} // libpq would print it

std::string one_line(const char *message) {
    std::string text = message != nullptr ? message : "";
    std::replace(text.begin(), text.end(), '\n', ' ');
    while (!text.empty() && text.back() == ' ')
        text.pop_back();
    return text.empty() ? std::string("connection lost") : text;
}

} // namespace

std::string_view sqlstate_of(const PgResult &result) noexcept {
    const char *state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return state != nullptr ? std::string_view(state) : std::string_view();
}

std::string_view primary_message_of(const PgResult &result) noexcept {
    const char *message = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
    if (message != nullptr)
        return message;
    // A result that libpq made up itself, since the connection broke, has no fields, only a text of several lines.
    const std::string_view text = PQresultErrorMessage(result.get());
    return text.empty() ? "no message" : text.substr(0, text.find('\n'));
}

std::string_view hint_of(const PgResult &result) noexcept {
    const char *hint = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_HINT);
    return hint != nullptr ? std::string_view(hint) : std::string_view();
}

PgConnection::PgConnection(asio::io_context &context, PgOwner &owner)
    : context_(context), owner_(owner), descriptor_(context.get_executor()) {}

PgConnection::~PgConnection() {
    close();
}

void PgConnection::close() {
    ++generation_;
    // The descriptor belongs to libpq, which closes it; Asio has to forget it before.
    if (descriptor_.is_open())
        descriptor_.release();
    connection_.reset();
    result_.reset();
    connecting_ = busy_ = flushing_ = waiting_read_ = waiting_write_ = false;
}

void PgConnection::connect(const std::string &conninfo) {
    close();
    // Parameters before dbname are defaults that the connection string overrides, those behind it are not negotiable.
    std::array<const char *, 10> names{};
    std::array<const char *, 10> values{};
    std::size_t count = 0;
    const auto add = [&](const char *name, const char *value) {
        names[count] = name;
        values[count++] = value;
    };
    add("fallback_application_name", "msgstatus-receiver");
    add("tcp_user_timeout", "10000"); // milliseconds; a host that does not answer must not hold up the next one
    add("keepalives_idle", "30");     // seconds; that a host has gone is to be known before the next webhook comes
    add("keepalives_interval", "10");
    add("keepalives_count", "3");
    if (std::getenv("PGTARGETSESSIONATTRS") == nullptr)
        add("target_session_attrs", "read-write");
    if (!conninfo.empty())
        add("dbname", conninfo.c_str());
    add("client_encoding", "UTF8");
    connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
    if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD) {
        lose_later();
        return;
    }
    PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr);
    connecting_ = true;
    poll_ = PGRES_POLLING_WRITING;
    watch();
}

std::size_t PgConnection::hosts() const {
    if (!connection_)
        return 1;
    std::size_t hosts = 1;
    PQconninfoOption *options = PQconninfo(connection_.get());
    for (const PQconninfoOption *option = options; option != nullptr && option->keyword != nullptr; ++option) {
        const std::string_view keyword = option->keyword;
        if ((keyword == "host" || keyword == "hostaddr") && option->val != nullptr) {
            const std::string_view value = option->val;
            hosts = std::max(hosts, 1 + static_cast<std::size_t>(std::count(value.begin(), value.end(), ',')));
        }
    }
    PQconninfoFree(options);
    return hosts;
}

// watch does hand the present socket of libpq to Asio and waits for what libpq wants.
void PgConnection::watch() {
    error_code ec;
    descriptor_.assign(PQsocket(connection_.get()), ec);
    if (ec) {
        lose_later();
        return;
    }
    wait(poll_ == PGRES_POLLING_WRITING);
}

void PgConnection::poll_connect() {
    // PQconnectPoll may go on to the next host with another socket, perhaps of the same number: Asio lets go before.
    ++generation_;
    waiting_read_ = waiting_write_ = false;
    descriptor_.release();
    poll_ = PQconnectPoll(connection_.get());
    switch (poll_) {
    case PGRES_POLLING_READING:
    case PGRES_POLLING_WRITING:
        watch();
        return;
    case PGRES_POLLING_OK:
        break;
    default:
        lose();
        return;
    }
    connecting_ = false;
    PQsetnonblocking(connection_.get(), 1);
    poll_ = PGRES_POLLING_READING;
    watch(); // for as long as the connection lasts, so that its end is noticed at once
    if (connection_)
        owner_.pg_connected();
}

void PgConnection::wait(bool for_write) {
    bool &waiting = for_write ? waiting_write_ : waiting_read_;
    if (waiting)
        return;
    waiting = true;
    descriptor_.async_wait(for_write ? Descriptor::wait_write : Descriptor::wait_read,
                           [this, for_write, generation = generation_](error_code ec) {
                               if (generation != generation_ || ec)
                                   return;
                               (for_write ? waiting_write_ : waiting_read_) = false;
                               on_ready(for_write);
                           });
}

void PgConnection::on_ready(bool for_write) {
    if (connecting_) {
        poll_connect();
        return;
    }
    if (!for_write && PQconsumeInput(connection_.get()) == 0) {
        // A result that was complete before the connection broke counts, and the server may have said why.
        const std::uint64_t generation = generation_;
        take_results();
        if (generation == generation_)
            lose();
        return;
    }
    // A server that waits for us to read before it reads on: after each input, try to send again.
    if (flushing_ && !flush()) {
        lose();
        return;
    }
    if (for_write)
        return;
    wait(false);
    take_results();
}

void PgConnection::take_results() {
    while (busy_ && PQisBusy(connection_.get()) == 0) {
        PgResult next(PQgetResult(connection_.get()));
        if (!next) {
            busy_ = false;
            break;
        }
        const ExecStatusType status = PQresultStatus(result_.get());
        if (!result_ || status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
            result_ = std::move(next);
    }
    if (!busy_ && result_) {
        owner_.pg_result(std::move(result_));
        return;
    }
    if (!busy_)
        PQisBusy(connection_.get()); // digests what comes unasked, e.g. a changed parameter
    if (PQstatus(connection_.get()) == CONNECTION_BAD)
        lose();
}

bool PgConnection::flush() {
    const int rest = PQflush(connection_.get());
    flushing_ = rest == 1;
    if (flushing_)
        wait(true);
    return rest >= 0;
}

void PgConnection::sent(int ok) {
    busy_ = true;
    if (ok == 0 || !flush())
        lose_later();
}

void PgConnection::query(const char *sql) {
    sent(PQsendQuery(connection_.get(), sql));
}

void PgConnection::prepare(const char *name, const char *sql, std::span<const unsigned> types) {
    sent(PQsendPrepare(connection_.get(), name, sql, static_cast<int>(types.size()), types.data()));
}

void PgConnection::execute(const char *name, std::span<const PgParameter> parameters) {
    constexpr std::size_t most = 4;
    std::array<const char *, most> values{};
    std::array<int, most> lengths{};
    std::array<int, most> formats{};
    for (std::size_t i = 0; i < parameters.size() && i < most; ++i) {
        values[i] = parameters[i].bytes.data();
        lengths[i] = static_cast<int>(parameters[i].bytes.size());
        formats[i] = parameters[i].binary ? 1 : 0;
    }
    sent(PQsendQueryPrepared(connection_.get(), name, static_cast<int>(parameters.size()), values.data(),
                             lengths.data(), formats.data(), 1));
}

void PgConnection::lose() {
    std::string reason = result_ && PQresultStatus(result_.get()) == PGRES_FATAL_ERROR
                             ? std::string(primary_message_of(result_))
                             : one_line(connection_ ? PQerrorMessage(connection_.get()) : "out of memory");
    close();
    owner_.pg_lost(reason);
}

void PgConnection::lose_later() {
    asio::post(context_, [this, generation = generation_] {
        if (generation == generation_)
            lose();
    });
}

} // namespace msgstatus::receiver
