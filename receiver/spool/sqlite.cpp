#include "spool/sqlite.hpp"

#include <cerrno>
#include <system_error>

namespace msgstatus::receiver {
namespace {

constexpr int busy_milliseconds = 2000; // somebody inspects the spool just when it is opened or closed

SpoolError::Kind kind_of(int code, int system_error) noexcept {
    switch (code & 0xff) { // the primary code within an extended one
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
        return SpoolError::Kind::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return SpoolError::Kind::corrupt;
    case SQLITE_IOERR:
        // A quota, or the process's limit on the size of a file.
        if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG)
            return SpoolError::Kind::full;
        break;
    default:
        break;
    }
    return SpoolError::Kind::unusable;
}

// system_error_of does return why the system refused, 0 if that is not known.
int system_error_of(sqlite3 *connection, int code) noexcept {
    const int primary = code & 0xff;
    if (primary == SQLITE_CANTOPEN)
        return sqlite3_system_errno(connection);
    if (primary != SQLITE_IOERR)
        return 0;
    int error = 0;
    sqlite3_file *log = nullptr; // the write-ahead log, where most writes go
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void *>(&log));
    if (log != nullptr && log->pMethods != nullptr)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (error == 0)
        sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

} // namespace

SqliteDatabase::SqliteDatabase(const std::string &path, int flags) {
    sqlite3 *connection = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &connection, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    connection_.reset(connection);
    if (connection == nullptr)
        throw SpoolError(SpoolError::Kind::unusable, "out of memory");
    sqlite3_extended_result_codes(connection, 1);
    check(code);
    sqlite3_busy_timeout(connection, busy_milliseconds);
}

void SqliteDatabase::check(int code) {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
        return;
    const int system_error = system_error_of(connection_.get(), code);
    std::string message = sqlite3_errstr(code);
    if (system_error != 0)
        message += std::string(": ") + std::generic_category().message(system_error);
    throw SpoolError(kind_of(code, system_error), message + " (SQLite " + std::to_string(code) + ")");
}

void SqliteDatabase::execute(const char *sql) {
    check(sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr));
}

std::int64_t SqliteDatabase::integer(const char *sql) {
    SqliteStatement statement(*this, sql);
    return statement.step() ? statement.integer(0) : 0;
}

void SqliteDatabase::roll_back() noexcept {
    if (sqlite3_get_autocommit(connection_.get()) == 0)
        sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

bool SqliteDatabase::is_moved() noexcept {
    int moved = 0;
    sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved != 0;
}

SqliteStatement::SqliteStatement(SqliteDatabase &database, const char *sql) : database_(database) {
    sqlite3_stmt *statement = nullptr;
    database.check(sqlite3_prepare_v3(database.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    statement_.reset(statement);
}

void SqliteStatement::bind(int index, std::int64_t value) {
    database_.check(sqlite3_bind_int64(statement_.get(), index, value));
}

void SqliteStatement::bind_text(int index, std::string_view value) {
    database_.check(
        sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void SqliteStatement::bind_blob(int index, std::string_view value) {
    database_.check(sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC));
}

bool SqliteStatement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        // The reset clears the error of the connection, which check() reads.
        try {
            database_.check(code);
        } catch (...) {
            reset();
            throw;
        }
    }
    return code == SQLITE_ROW;
}

void SqliteStatement::reset() noexcept {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
}

void SqliteStatement::run() {
    while (step()) {
    }
    reset();
}

std::int64_t SqliteStatement::integer(int column) const noexcept {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string_view SqliteStatement::bytes(int column) const noexcept {
    const auto *data = static_cast<const char *>(sqlite3_column_blob(statement_.get(), column));
    return {data != nullptr ? data : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

} // namespace msgstatus::receiver
