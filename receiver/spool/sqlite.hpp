// SQLite with owners for its handles and exceptions for its errors.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "spool/spool_error.hpp"

namespace msgstatus::receiver {

class SqliteDatabase;

/// SqliteStatement does hold a prepared statement, which is used again and again. All functions throw SpoolError.
class SqliteStatement {
public:
    /// @param database  must outlive the statement
    SqliteStatement(SqliteDatabase &database, const char *sql);

    /// The parameters, counted from 1. A blob is not copied: it must live until the statement is reset.
    void bind(int index, std::int64_t value);
    void bind_text(int index, std::string_view value);
    void bind_blob(int index, std::string_view value);

    /// step does run the statement up to its next row; false if there is none.
    bool step();
    /// reset does make the statement ready for another run.
    void reset() noexcept;
    /// run does run a statement without rows, and resets it.
    void run();

    /// The columns of the present row, counted from 0; what they return lives until the next step.
    std::int64_t integer(int column) const noexcept;
    std::string_view bytes(int column) const noexcept;

private:
    struct Finalize {
        void operator()(sqlite3_stmt *statement) const noexcept { sqlite3_finalize(statement); }
    };
    SqliteDatabase &database_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// SqliteDatabase does hold one connection, for one thread at a time.
class SqliteDatabase {
public:
    /// @param flags  SQLITE_OPEN_...
    /// @throws SpoolError
    SqliteDatabase(const std::string &path, int flags);

    /// execute does run statements without parameters, and passes over their rows.
    /// @throws SpoolError
    void execute(const char *sql);
    /// integer does return the first column of the first row, 0 without a row.
    /// @throws SpoolError
    std::int64_t integer(const char *sql);

    /// roll_back does end a transaction that failed; SQLite may have ended it already.
    void roll_back() noexcept;

    /// is_moved does tell whether the file no longer stands where it was opened: what is written to it would be lost.
    bool is_moved() noexcept;

    /// check does throw SpoolError unless the result code is one of success.
    void check(int code);

    sqlite3 *get() noexcept { return connection_.get(); }

private:
    struct Close {
        void operator()(sqlite3 *connection) const noexcept { sqlite3_close_v2(connection); }
    };
    std::unique_ptr<sqlite3, Close> connection_;
};

/// SqliteTransaction does begin a transaction, and rolls it back unless it was committed.
class SqliteTransaction {
public:
    explicit SqliteTransaction(SqliteDatabase &database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }
    ~SqliteTransaction() {
        if (!committed_)
            database_.roll_back();
    }
    SqliteTransaction(const SqliteTransaction &) = delete;
    SqliteTransaction &operator=(const SqliteTransaction &) = delete;

    void commit() {
        database_.execute("COMMIT");
        committed_ = true;
    }

private:
    SqliteDatabase &database_;
    bool committed_ = false;
};

} // namespace msgstatus::receiver
