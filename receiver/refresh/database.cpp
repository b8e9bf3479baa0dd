#include "refresh/database.hpp"

#include <array>
#include <cstdlib>

#include <poll.h>

#include "observe/log.hpp"

namespace msgstatus::refresh {
namespace {

// The server's words, without what may name a person.
std::string words(const char *message) {
    std::string text = message == nullptr ? "" : message;
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return receiver::mask_personal_data(text);
}

} // namespace

long long Rows::number(int row, int column) const {
    return std::strtoll(PQgetvalue(result_.get(), row, column), nullptr, 10);
}

double Rows::real(int row, int column) const {
    return std::strtod(PQgetvalue(result_.get(), row, column), nullptr);
}

std::string array_of(const std::vector<Parameter> &elements) {
    std::string text = "{";
    for (const Parameter &element : elements) {
        if (text.size() > 1)
            text += ',';
        if (!element) {
            text += "NULL";
            continue;
        }
        text += '"';
        for (const char c : *element) {
            if (c == '"' || c == '\\')
                text += '\\';
            text += c;
        }
        text += '"';
    }
    return text + '}';
}

bool Database::connect() {
    if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK)
        return false;
    disconnect();
    // What stands in the conninfo comes last, and so wins.
    constexpr std::array<const char *, 7> keywords{"fallback_application_name",
                                                   "connect_timeout",
                                                   "keepalives_idle",
                                                   "tcp_user_timeout",
                                                   "client_encoding",
                                                   "dbname",
                                                   nullptr};
    const std::array<const char *, 7> values{"msgstatus-refresh", "10",   "30", "60000", "UTF8",
                                             conninfo_.c_str(),   nullptr};
    connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 1));
    if (!connection_ || PQstatus(connection_.get()) != CONNECTION_OK) {
        const std::string reason = words(PQerrorMessage(connection_.get()));
        connection_.reset();
        throw DatabaseError(reason);
    }
    ++connections_;
    query("SET search_path = pg_catalog, pg_temp");
    query("SET statement_timeout = '60s'");
    query("SET lock_timeout = '10s'");
    return true;
}

void Database::disconnect() {
    if (connection_)
        --connections_;
    connection_.reset();
}

Rows Database::query(const char *sql, const std::vector<Parameter> &parameters) {
    std::vector<const char *> values;
    values.reserve(parameters.size());
    for (const Parameter &parameter : parameters)
        values.push_back(parameter ? parameter->c_str() : nullptr);
    PGresult *result = PQexecParams(connection_.get(), sql, static_cast<int>(values.size()), nullptr, values.data(),
                                    nullptr, nullptr, 0);
    Rows rows(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return rows;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const DatabaseError error(words(message != nullptr ? message : PQerrorMessage(connection_.get())),
                              sqlstate != nullptr ? sqlstate : "");
    throw error;
}

void Database::listen(const char *channel) {
    query((std::string("LISTEN ") + channel).c_str());
}

bool Database::take_notifications() {
    bool any = false;
    while (PGnotify *notification = PQnotifies(connection_.get())) {
        any = true;
        PQfreemem(notification);
    }
    return any;
}

void Database::wait(std::chrono::milliseconds time, int descriptor) {
    if (take_notifications())
        return;
    std::array<pollfd, 2> descriptors{{{PQsocket(connection_.get()), POLLIN, 0}, {descriptor, POLLIN, 0}}};
    if (poll(descriptors.data(), descriptors.size(), static_cast<int>(time.count())) <= 0 ||
        descriptors[0].revents == 0)
        return;
    if (PQconsumeInput(connection_.get()) == 0)
        throw DatabaseError(words(PQerrorMessage(connection_.get())));
    take_notifications();
}

} // namespace msgstatus::refresh
