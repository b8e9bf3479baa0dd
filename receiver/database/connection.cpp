#include "database/connection.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;

constexpr std::size_t most_addresses = 8; // of one host

void ignore_notice(void *, const PGresult *) {} // libpq would print it

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> items(1);
    for (const char c : list) {
        if (c == ',')
            items.emplace_back();
        else
            items.back().push_back(c);
    }
    return items;
}

// Returns whether libpq has to look a host up to connect to it.
bool is_name(const std::string &host) {
    boost::system::error_code no_address;
    asio::ip::make_address(host, no_address);
    return !host.empty() && host.front() != '/' && host.front() != '@' && no_address;
}

bool is_conninfo(const std::string &text) {
    return text.find('=') != std::string::npos || text.starts_with("postgresql://") || text.starts_with("postgres://");
}

std::string_view field_of(const PgResult &result, int field) noexcept {
    const char *text = PQresultErrorField(result.get(), field);
    return text != nullptr ? std::string_view(text) : std::string_view();
}

} // namespace

// The lists of host, hostaddr and port, each of the same length; empty where libpq is left to itself.
struct PgConnection::Target {
    std::string hosts, addresses, ports;
    std::size_t count = 0;

    void add(const std::string &host, const std::string &address, const std::string &port) {
        for (auto [list, item] : {std::pair{&hosts, &host}, {&addresses, &address}, {&ports, &port}})
            list->append(count > 0 ? "," : "").append(*item);
        ++count;
    }
};

std::string_view sqlstate_of(const PgResult &result) noexcept {
    return field_of(result, PG_DIAG_SQLSTATE);
}

std::string_view primary_message_of(const PgResult &result) noexcept {
    if (const std::string_view message = field_of(result, PG_DIAG_MESSAGE_PRIMARY); !message.empty())
        return message;
    // A result that libpq made up itself, since the connection broke, has no fields, only a text of several lines.
    const std::string_view text = PQresultErrorMessage(result.get());
    return text.empty() ? "no message" : text.substr(0, text.find('\n'));
}

std::string_view hint_of(const PgResult &result) noexcept {
    return field_of(result, PG_DIAG_MESSAGE_HINT);
}

PgConnection::PgConnection(const Executor &executor, Event &wake)
    : executor_(executor), wake_(wake), resolver_(executor), descriptor_(executor), lost_("not connected") {}

PgConnection::~PgConnection() {
    close();
}

void PgConnection::close() {
    ++generation_;
    // The descriptor belongs to libpq, which closes it; Asio has to forget it before.
    if (descriptor_.is_open())
        descriptor_.release();
    connection_.reset();
    flushing_ = waiting_read_ = waiting_write_ = false;
}

void PgConnection::fail(const std::string &reason) {
    if (lost_.empty())
        lost_ = reason;
    resolver_.cancel();
    close();
    wake_.wake();
}

void PgConnection::check() const {
    if (!lost_.empty())
        throw ConnectionLost(lost_);
}

std::string PgConnection::error_text() const {
    std::string text = connection_ ? PQerrorMessage(connection_.get()) : "out of memory";
    std::replace(text.begin(), text.end(), '\n', ' ');
    while (!text.empty() && text.back() == ' ')
        text.pop_back();
    return text.empty() ? std::string("connection lost") : text;
}

std::string PgConnection::server_encoding() const {
    const char *encoding = PQparameterStatus(connection_.get(), "server_encoding");
    return encoding != nullptr ? encoding : "";
}

// Looks host names up. Where the string names a service, or no host by name, libpq is left to itself.
Awaitable<PgConnection::Target> PgConnection::resolve(const std::string &conninfo) {
    PQconninfoOption *const given = is_conninfo(conninfo) ? PQconninfoParse(conninfo.c_str(), nullptr) : nullptr;
    PQconninfoOption *const defaults = PQconndefaults();
    const auto value = [&](std::string_view keyword) {
        for (const PQconninfoOption *option : {given, defaults}) {
            for (; option != nullptr && option->keyword != nullptr; ++option) {
                if (option->keyword == keyword && option->val != nullptr)
                    return std::string(option->val);
            }
        }
        return std::string();
    };
    const std::vector<std::string> hosts = split(value("host"));
    const std::vector<std::string> ports = split(value("port"));
    std::vector<std::string> addresses = split(value("hostaddr"));
    const std::string service = value("service");
    PQconninfoFree(given);
    PQconninfoFree(defaults);

    hosts_ = std::max(hosts.size(), addresses.size());
    Target target;
    addresses.resize(hosts_);
    const auto wants_lookup = [&](std::size_t i) {
        return i < hosts.size() && addresses[i].empty() && is_name(hosts[i]);
    };
    bool any = false;
    for (std::size_t i = 0; i < hosts_; ++i)
        any = any || wants_lookup(i);
    if (!any || !service.empty())
        co_return target;
    std::string problem;
    for (std::size_t i = 0; i < hosts_; ++i) {
        const std::string host = i < hosts.size() ? hosts[i] : "";
        const std::string port = ports.size() == 1 ? ports[0] : i < ports.size() ? ports[i] : "";
        if (!wants_lookup(i)) {
            target.add(host, addresses[i], port);
            continue;
        }
        boost::system::error_code ec;
        resolving_ = true;
        const auto found = co_await resolver_.async_resolve(host, "", awaiting(ec));
        resolving_ = false;
        check();
        if (ec)
            problem = "cannot look up the host " + host + ": " + ec.message();
        std::size_t count = 0;
        for (auto entry = found.begin(); !ec && entry != found.end() && count < most_addresses; ++entry, ++count)
            target.add(host, entry->endpoint().address().to_string(), port);
    }
    if (target.count == 0)
        throw ConnectionLost(problem);
    hosts_ = target.count;
    co_return target;
}

void PgConnection::start(const std::string &conninfo, const Target &target) {
    // Parameters before dbname are defaults that the connection string overrides, those behind it are not negotiable.
    std::array<const char *, 12> names{};
    std::array<const char *, 12> values{};
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
    if (target.count > 0) {
        add("host", target.hosts.c_str());
        add("hostaddr", target.addresses.c_str());
        add("port", target.ports.c_str());
    }
    add("client_encoding", "UTF8");
    connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
    if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD)
        throw ConnectionLost(error_text());
    PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr);
}

Awaitable<> PgConnection::connect(const std::string &conninfo) {
    close();
    lost_.clear();
    try {
        const Target target = co_await resolve(conninfo);
        start(conninfo, target);
        boost::system::error_code ec;
        for (PostgresPollingStatusType poll = PGRES_POLLING_WRITING; poll != PGRES_POLLING_OK;) {
            descriptor_.assign(PQsocket(connection_.get()), ec);
            if (!ec)
                co_await descriptor_.async_wait(
                    poll == PGRES_POLLING_WRITING ? Descriptor::wait_write : Descriptor::wait_read, awaiting(ec));
            check();
            // PQconnectPoll may go on to the next host with another socket, perhaps of the same number: Asio lets go
            // before.
            descriptor_.release();
            poll = PQconnectPoll(connection_.get());
            if (ec || poll == PGRES_POLLING_FAILED)
                throw ConnectionLost(error_text());
        }
        PQsetnonblocking(connection_.get(), 1);
        descriptor_.assign(PQsocket(connection_.get()), ec);
        wait(false); // for as long as the connection lasts, so that its end is noticed at once
    } catch (const ConnectionLost &lost) {
        fail(lost.what());
        throw;
    }
}

void PgConnection::wait(bool for_write) {
    bool &waiting = for_write ? waiting_write_ : waiting_read_;
    if (waiting)
        return;
    waiting = true;
    descriptor_.async_wait(for_write ? Descriptor::wait_write : Descriptor::wait_read,
                           [this, for_write, generation = generation_](const boost::system::error_code &ec) {
                               if (ec || generation != generation_)
                                   return;
                               (for_write ? waiting_write_ : waiting_read_) = false;
                               on_ready(for_write);
                           });
}

void PgConnection::on_ready(bool for_write) {
    const bool alive = for_write || PQconsumeInput(connection_.get()) == 1;
    // A server that waits for us to read before it reads on: after each input, try to send again.
    if (alive && flushing_)
        flush();
    if (alive && !for_write)
        wait(false);
    PQisBusy(connection_.get()); // digests what comes unasked, e.g. a changed parameter
    // A result that was complete before the connection broke counts, and the server may have said why: result() looks.
    if (!alive || PQstatus(connection_.get()) == CONNECTION_BAD) {
        if (lost_.empty())
            lost_ = error_text();
        ++generation_;
        if (descriptor_.is_open())
            descriptor_.release();
    }
    wake_.wake();
}

void PgConnection::flush() {
    const int rest = PQflush(connection_.get());
    flushing_ = rest == 1;
    if (flushing_)
        wait(true);
    if (rest < 0)
        fail(error_text());
}

void PgConnection::sent(int ok) {
    if (ok == 1)
        flush();
    else
        fail(error_text());
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

Awaitable<PgResult> PgConnection::result() {
    PgResult kept;
    const auto is_good = [&] {
        const ExecStatusType status = PQresultStatus(kept.get());
        return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    };
    while (true) {
        if (!connection_)
            check();
        if (PQisBusy(connection_.get()) == 1) {
            if (kept && !is_good() && !lost_.empty())
                throw ConnectionLost(std::string(primary_message_of(kept)));
            check();
            co_await wake_.wait();
            continue;
        }
        PgResult next(PQgetResult(connection_.get()));
        if (!next)
            break;
        const ExecStatusType status = PQresultStatus(next.get());
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            fail("the server wants to copy, which nobody asked for");
            check();
        }
        if (!kept || is_good())
            kept = std::move(next);
    }
    const bool failed = kept && !is_good();
    if (!lost_.empty() && failed)
        throw ConnectionLost(std::string(primary_message_of(kept)));
    // Without another result, libpq has seen that the server is ready for the next command: what was called is
    // committed, even if the connection broke after that.
    if (!kept)
        fail("the server did not answer the command");
    else if (lost_.empty() && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE)
        fail("a call left a transaction open");
    else
        co_return kept;
    throw ConnectionLost(lost_);
}

} // namespace msgstatus::receiver
