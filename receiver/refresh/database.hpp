// A connection to PostgreSQL that a thread waits on.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

namespace msgstatus::refresh {

/// The database is not there, or refused a statement.
class DatabaseError : public std::runtime_error {
public:
    DatabaseError(const std::string &what, std::string sqlstate = "")
        : std::runtime_error(what), sqlstate_(std::move(sqlstate)) {}

    /// Returns whether a value was refused (class 22), such as text that jsonb cannot hold.
    bool is_about_data() const noexcept { return sqlstate_.starts_with("22"); }

private:
    std::string sqlstate_;
};

/// Rows of texts.
class Rows {
public:
    explicit Rows(PGresult *result) : result_(result, PQclear) {}
    int size() const noexcept { return PQntuples(result_.get()); }
    bool is_null(int row, int column) const noexcept { return PQgetisnull(result_.get(), row, column) == 1; }
    std::string text(int row, int column) const { return PQgetvalue(result_.get(), row, column); }
    long long number(int row, int column) const;
    double real(int row, int column) const;

private:
    std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

using Parameter = std::optional<std::string>; ///< nothing: NULL

/// Returns an array of texts as PostgreSQL reads it.
std::string array_of(const std::vector<Parameter> &elements);

class Database {
public:
    /// @param connections  counts the open ones
    Database(std::string conninfo, std::atomic<int> &connections)
        : conninfo_(std::move(conninfo)), connections_(connections) {}
    Database(const Database &) = delete;
    Database &operator=(const Database &) = delete;
    ~Database() { disconnect(); }

    /// Connects if there is no connection.
    /// @return whether there was none
    /// @throws DatabaseError
    bool connect();
    void disconnect();

    /// @throws DatabaseError
    Rows query(const char *sql, const std::vector<Parameter> &parameters = {});

    /// Listens from now on.
    void listen(const char *channel);

    /// Waits for a notification, for a descriptor to become readable, or for that time.
    void wait(std::chrono::milliseconds time, int descriptor);

private:
    bool take_notifications();

    std::string conninfo_;
    std::atomic<int> &connections_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, PQfinish};
};

} // namespace msgstatus::refresh
