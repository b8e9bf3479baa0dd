// SQLite with owners for its handles and exceptions for its errors.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <sqlite3.h>

namespace msgstatus::receiver {

/// The spool could not do what it was asked to; the message holds no data of webhooks.
class SpoolError : public std::runtime_error {
public:
    enum class Kind : std::uint8_t {
        full,     ///< no room, on the disk or within spool-max-bytes; what is there can be read and removed
        corrupt,  ///< the file is damaged, or is no spool
        unusable, ///< it cannot be opened, read or written now: permissions, a read-only disk, held by someone else
    };

    SpoolError(Kind kind, const std::string &message) : std::runtime_error(message), kind_(kind) {}

    Kind kind() const noexcept { return kind_; }

private:
    Kind kind_;
};

/// SqliteDatabase holds one connection, for one thread at a time. All functions throw SpoolError.
class SqliteDatabase {
public:
    explicit SqliteDatabase(const std::string &path) {
        constexpr int busy_milliseconds = 2000; // somebody inspects the spool just when it is opened or closed
        sqlite3 *connection = nullptr;
        const int code =
            sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
        connection_.reset(connection);
        if (connection == nullptr)
            throw SpoolError(SpoolError::Kind::unusable, "out of memory");
        sqlite3_extended_result_codes(connection, 1);
        check(code);
        sqlite3_busy_timeout(connection, busy_milliseconds);
    }

    /// Runs statements without parameters, and passes over their rows.
    void execute(const std::string &sql) {
        check(sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr));
    }

    /// Returns whether the file no longer stands where it was opened: what is written to it would be lost.
    bool is_moved() noexcept {
        int moved = 0;
        sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        return moved != 0;
    }

    /// Throws unless the result code is one of success.
    void check(int code) {
        if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
            return;
        const int system_error = system_error_of(code);
        std::string message = sqlite3_errstr(code);
        if (system_error != 0)
            message += ": " + std::generic_category().message(system_error);
        throw SpoolError(kind_of(code & 0xff, system_error), message + " (SQLite " + std::to_string(code) + ")");
    }

    sqlite3 *get() noexcept { return connection_.get(); }

private:
    struct Close {
        void operator()(sqlite3 *connection) const noexcept { sqlite3_close_v2(connection); }
    };

    /// @param code  the primary code within an extended one
    static SpoolError::Kind kind_of(int code, int system_error) noexcept {
        // A quota, or the process's limit on the size of a file, is an error of input and output.
        const bool no_room =
            code == SQLITE_IOERR && (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
        if (code == SQLITE_FULL || code == SQLITE_TOOBIG || no_room)
            return SpoolError::Kind::full;
        return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? SpoolError::Kind::corrupt : SpoolError::Kind::unusable;
    }

    // Returns why the system refused, 0 if that is not known.
    int system_error_of(int code) noexcept {
        if ((code & 0xff) == SQLITE_CANTOPEN)
            return sqlite3_system_errno(connection_.get());
        if ((code & 0xff) != SQLITE_IOERR)
            return 0;
        int error = 0;
        sqlite3_file *log = nullptr; // the write-ahead log, where most writes go
        sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void *>(&log));
        if (log != nullptr && log->pMethods != nullptr)
            log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
        if (error == 0)
            sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_LAST_ERRNO, &error);
        return error;
    }

    std::unique_ptr<sqlite3, Close> connection_;
};

/// SqliteStatement holds a prepared statement, which is used again and again. All functions throw SpoolError.
class SqliteStatement {
public:
    /// @param database  must outlive the statement
    SqliteStatement(SqliteDatabase &database, const char *sql) : database_(database) {
        sqlite3_stmt *statement = nullptr;
        database.check(sqlite3_prepare_v3(database.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
        statement_.reset(statement);
    }

    /// Sets a parameter, counted from 1. Bytes are not copied: they must live until the statement is reset.
    void bind(int index, std::int64_t value) { database_.check(sqlite3_bind_int64(statement_.get(), index, value)); }
    void bind_text(int index, std::string_view value) {
        database_.check(
            sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8));
    }
    void bind_blob(int index, std::string_view value) {
        database_.check(sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC));
    }

    /// Runs the statement up to its next row; false if there is none.
    bool step() {
        const int code = sqlite3_step(statement_.get());
        if (code == SQLITE_ROW || code == SQLITE_DONE)
            return code == SQLITE_ROW;
        // The reset clears the error of the connection, which check() reads.
        try {
            database_.check(code);
        } catch (...) {
            reset();
            throw;
        }
        return false;
    }
    void reset() noexcept {
        sqlite3_reset(statement_.get());
        sqlite3_clear_bindings(statement_.get());
    }
    /// Runs a statement without rows, and resets it.
    void run() {
        while (step()) {
        }
        reset();
    }

    /// The columns of the present row, counted from 0; what they return lives until the next step.
    std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_.get(), column); }
    std::string_view bytes(int column) const noexcept {
        const auto *data = static_cast<const char *>(sqlite3_column_blob(statement_.get(), column));
        return {data != nullptr ? data : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
    }

private:
    struct Finalize {
        void operator()(sqlite3_stmt *statement) const noexcept { sqlite3_finalize(statement); }
    };
    SqliteDatabase &database_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// SqliteTransaction begins a transaction, and rolls it back unless it was committed.
class SqliteTransaction {
public:
    explicit SqliteTransaction(SqliteDatabase &database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }
    ~SqliteTransaction() {
        if (sqlite3_get_autocommit(database_.get()) == 0) // SQLite may have ended it already
            sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    SqliteTransaction(const SqliteTransaction &) = delete;
    SqliteTransaction &operator=(const SqliteTransaction &) = delete;

    void commit() { database_.execute("COMMIT"); }

private:
    SqliteDatabase &database_;
};

} // namespace msgstatus::receiver
