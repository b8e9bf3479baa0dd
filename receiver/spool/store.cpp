#include "spool/store.hpp"

#include <array>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace msgstatus::receiver {
namespace {

namespace fs = std::filesystem;

// The index of the write-ahead log, the log, the database: what SQLite calls them. A database is moved or deleted in
// this order, since SQLite would take a log that is left behind for that of the next one, or delete it.
constexpr std::array suffixes{"-shm", "-wal", ""};
constexpr mode_t others = S_IRWXG | S_IRWXO;
constexpr int most_set_aside = 8;
constexpr std::size_t page_size = 4 * kibibyte;
constexpr int busy_milliseconds = 2000; // somebody inspects the spool just when it is opened or closed
constexpr std::int64_t format_version = 1;
constexpr std::int64_t application_id = 0x6d737370; // "mssp"; see file(1)'s magic numbers for SQLite
constexpr std::size_t most_sources = 32;

// What SQLite refuses. Any other exception means that the spool cannot be used now.
struct SpoolError : std::runtime_error {
    SpoolError(SpoolFailure failure_, const std::string &message) : std::runtime_error(message), failure(failure_) {}

    SpoolFailure failure;
};

[[noreturn]] void fail(const std::string &what, const std::string &path) {
    throw std::system_error(errno, std::generic_category(), what + " " + path);
}

int open_file(const std::string &path, int flags) {
    const int descriptor = open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (descriptor < 0)
        fail("cannot open", path);
    return descriptor;
}

// Brings the names in a directory to the disk.
void sync_directory(const std::string &path) {
    const int descriptor = open_file(path, O_RDONLY | O_DIRECTORY);
    const int result = fsync(descriptor);
    close(descriptor);
    if (result != 0)
        fail("cannot sync the directory", path);
}

std::size_t size_of(const std::string &path) {
    std::error_code missing;
    const std::uintmax_t size = fs::file_size(path, missing);
    return missing ? 0 : size;
}

// Returns why the system refused to read or write: the write-ahead log, where most writes go, or else the database.
int last_error(sqlite3 *database) {
    int error = 0;
    sqlite3_file *log = nullptr;
    sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void *>(&log));
    if (log != nullptr && log->pMethods != nullptr)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (error == 0)
        sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

// Throws unless the result code is one of success.
void check(sqlite3 *database, int code) {
    const int primary = code & 0xff;
    if (primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE)
        return;
    int error = 0;
    if (primary == SQLITE_CANTOPEN)
        error = sqlite3_system_errno(database);
    else if (primary == SQLITE_IOERR)
        error = last_error(database);
    // A quota, or the process's limit on the size of a file, is an error of input and output.
    const bool no_room = primary == SQLITE_IOERR && (error == ENOSPC || error == EDQUOT || error == EFBIG);
    SpoolFailure failure = SpoolFailure::unusable;
    if (primary == SQLITE_FULL || primary == SQLITE_TOOBIG || no_room)
        failure = SpoolFailure::full;
    else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        failure = SpoolFailure::corrupt;
    if (failure == SpoolFailure::corrupt) // its log is set aside with it, and not lost when it is closed
        sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    std::string message = sqlite3_errstr(code);
    if (error != 0)
        message += ": " + std::generic_category().message(error);
    throw SpoolError(failure, message + " (SQLite " + std::to_string(code) + ")");
}

// Runs statements without parameters, and passes over their rows.
void execute(sqlite3 *database, const std::string &sql) {
    check(database, sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr));
}

// Runs `work` in a transaction, which is undone if it throws.
template <class Work>
void in_transaction(sqlite3 *database, Work work) {
    execute(database, "BEGIN IMMEDIATE");
    try {
        work();
        execute(database, "COMMIT");
    } catch (...) {
        sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr); // SQLite may have done it already
        throw;
    }
}

/// Statement is prepared once and run as often as needed.
class Statement {
public:
    Statement(sqlite3 *database, const char *sql) : database_(database) {
        check(database, sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr));
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement &) = delete;
    Statement &operator=(const Statement &) = delete;

    /// Runs the statement with these parameters up to its first row; false if there is none.
    /// @param values  bytes are not copied
    template <class... Values>
    bool run(const Values &...values) {
        sqlite3_reset(statement_);
        [[maybe_unused]] int index = 0; // without parameters
        (bind(++index, values), ...);
        return step();
    }

    /// Goes on to the next row; false if there is none.
    bool step() {
        const int code = sqlite3_step(statement_);
        check(database_, code);
        return code == SQLITE_ROW;
    }

    /// The columns of the present row, counted from 0; what they return lives until the next step.
    std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }
    std::string_view bytes(int column) const noexcept {
        const auto *data = static_cast<const char *>(sqlite3_column_blob(statement_, column));
        return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
    }

private:
    void bind(int index, std::int64_t value) { check(database_, sqlite3_bind_int64(statement_, index, value)); }
    void bind(int index, std::string_view value) {
        check(database_, sqlite3_bind_blob64(statement_, index, value.data(), value.size(), SQLITE_STATIC));
    }

    sqlite3 *database_;
    sqlite3_stmt *statement_ = nullptr;
};

// Returns the first column of the first row.
template <class... Values>
std::int64_t integer(sqlite3 *database, const char *sql, const Values &...values) {
    Statement statement(database, sql);
    return statement.run(values...) ? statement.integer(0) : 0;
}

// Returns a source that lives as long as the program, as those of live webhooks do. There are as many as providers,
// unless something else has written to the spool.
std::string_view literal_source(std::string_view source) {
    static std::set<std::string, std::less<>> sources;
    const auto known = sources.find(source);
    if (known != sources.end())
        return *known;
    return sources.size() < most_sources ? std::string_view(*sources.emplace(source).first) : "other";
}

} // namespace

// Runs an operation on the open database, once more on a new one if the file is damaged.
template <class Operation>
SpoolReport SpoolStore::run(Operation operation) {
    SpoolReport report;
    for (int attempt = 1; attempt <= 2 && !report.done; ++attempt) {
        try {
            if (report.failure == SpoolFailure::corrupt)
                report.set_aside = set_aside();
            if (!database_) {
                open_database();
                report.opened = true;
            }
            operation(report);
            oldest_.reset();
            if (depth_ > 0)
                oldest_ = integer(database_.get(), "SELECT received_at FROM webhook ORDER BY id LIMIT 1");
            report.done = true;
        } catch (const std::exception &error) { // of the spool, of the file system, or of memory
            const auto *spool_error = dynamic_cast<const SpoolError *>(&error);
            report.failure = spool_error != nullptr ? spool_error->failure : SpoolFailure::unusable;
            report.reason += (report.reason.empty() ? "" : "; ") + std::string(error.what());
            if (report.failure == SpoolFailure::full && database_)
                break;
            database_.reset();
            if (report.failure != SpoolFailure::corrupt) {
                release();
                break;
            }
        }
    }
    if (database_)
        report.state = {true, depth_, bytes(), oldest_};
    struct statfs found {};
    report.in_memory = report.opened && statfs(settings_.directory.c_str(), &found) == 0 &&
                       (found.f_type == TMPFS_MAGIC || found.f_type == RAMFS_MAGIC);
    return report;
}

SpoolReport SpoolStore::open() {
    return run([](SpoolReport &) {});
}

SpoolReport SpoolStore::append(std::span<const Job> jobs) {
    return run([&](SpoolReport &) {
        int moved = 0;
        sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        if (moved != 0)
            throw std::runtime_error("the file " + path() + " was taken away"); // what is written to it would be lost
        std::size_t bytes = 0;
        for (const Job &job : jobs)
            bytes += job.body.text().size();
        make_room_in_log(bytes);
        execute(database_.get(), "PRAGMA synchronous = FULL"); // the commit returns when all is on disk
        in_transaction(database_.get(), [&] {
            Statement insert(database_.get(),
                             "INSERT INTO webhook (received_at, source, body) VALUES (?, CAST(? AS TEXT), ?)");
            for (const Job &job : jobs)
                insert.run(job.received_at, job.source, job.body.text());
        });
        depth_ += jobs.size();
    });
}

SpoolReport SpoolStore::read(std::int64_t after, std::size_t most, std::size_t most_bytes) {
    return run([&](SpoolReport &report) {
        std::size_t bytes = 0;
        Statement select(database_.get(), "SELECT id, received_at, source, body FROM webhook WHERE id > ? ORDER BY id");
        for (bool more = select.run(after); more && report.jobs.size() < most; more = select.step()) {
            const std::string_view body = select.bytes(3);
            if (removed_.contains(select.integer(0)))
                continue;
            bytes += body.size();
            if (bytes > most_bytes && !report.jobs.empty())
                return;
            Job &job = report.jobs.emplace_back();
            job.backlog_id = select.integer(0);
            last_read_ = std::max(last_read_, job.backlog_id);
            job.received_at = select.integer(1);
            job.source = literal_source(select.bytes(2));
            job.body.replace(std::string(body));
            job.request_id = "spool-" + std::to_string(job.backlog_id);
        }
    });
}

SpoolReport SpoolStore::remove(std::span<const std::int64_t> ids) {
    return run([&](SpoolReport &report) {
        std::set<std::int64_t> gone;
        for (const std::int64_t id : ids) {
            if (!removed_.contains(id) &&
                integer(database_.get(), "SELECT count(*) FROM webhook WHERE id = ?", id) == 1)
                gone.insert(id);
        }
        try {
            erase(gone);
            erase(removed_);
            removed_.clear();
        } catch (const SpoolError &error) {
            if (error.failure != SpoolFailure::full)
                throw;
            report.failure = error.failure;
            report.reason = error.what();
            removed_.insert(gone.begin(), gone.end());
        }
        depth_ -= gone.size();
        if (depth_ == 0 && (!removed_.empty() || bytes() > 2 * settings_.log_bytes()))
            discard();
    });
}

void SpoolStore::erase(const std::set<std::int64_t> &ids) {
    // What comes back after a power cut is applied again, which changes nothing: this need not wait for the disk.
    execute(database_.get(), "PRAGMA synchronous = NORMAL");
    in_transaction(database_.get(), [&] {
        Statement statement(database_.get(), "DELETE FROM webhook WHERE id = ?");
        for (const std::int64_t id : ids)
            statement.run(id);
    });
}

// Begins a new file in place of one with nothing in it.
void SpoolStore::discard() {
    database_.reset();
    for (const char *suffix : suffixes)
        fs::remove(path(suffix));
    open_database();
}

// Renames the damaged files, and returns the new name.
std::string SpoolStore::set_aside() {
    int number = 1;
    while (fs::exists(path(".corrupt-" + std::to_string(number))))
        ++number;
    if (number > most_set_aside)
        throw std::runtime_error(std::to_string(most_set_aside) + " damaged files lie in " + settings_.directory +
                                 " already");
    const std::string aside = path(".corrupt-" + std::to_string(number));
    for (const char *suffix : suffixes) {
        if (fs::exists(path(suffix)))
            fs::rename(path(suffix), aside + suffix);
    }
    return aside;
}

// Makes sure that nobody else can enter the directory or uses it.
void SpoolStore::claim_directory() {
    const std::string &directory = settings_.directory;
    if (mkdir(directory.c_str(), 0700) == 0) {
        const std::string parent = fs::path(directory).parent_path().string();
        sync_directory(parent.empty() ? "." : parent);
    } else if (errno != EEXIST) {
        fail("cannot make the directory", directory);
    }
    struct stat found {};
    if (stat(directory.c_str(), &found) != 0 || found.st_uid != geteuid() || (found.st_mode & others) != 0)
        throw std::runtime_error("the directory " + directory +
                                 " must belong to the receiver's user and have mode 0700");
    lock_ = open_file(directory + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW);
    if (flock(lock_, LOCK_EX | LOCK_NB) == 0)
        return;
    if (errno == EWOULDBLOCK)
        throw std::runtime_error("the directory " + directory + " is in use by another process");
    fail("cannot lock", directory + "/lock");
}

void SpoolStore::release() noexcept {
    database_.reset();
    if (lock_ >= 0)
        close(std::exchange(lock_, -1));
}

void SpoolStore::open_database() {
    if (lock_ < 0)
        claim_directory();
    // SQLite fills the file; here it gets its mode, which the log and its index inherit.
    close(open_file(path(), O_RDWR | O_CREAT | O_NOFOLLOW));
    sync_directory(settings_.directory);
    sqlite3 *opened = nullptr;
    const int code = sqlite3_open_v2(path().c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(opened);
    check(opened, code);
    sqlite3_extended_result_codes(opened, 1);
    sqlite3_busy_timeout(opened, busy_milliseconds);
    execute(opened, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
    const std::int64_t version = integer(opened, "PRAGMA user_version");
    const bool is_new = integer(opened, "SELECT count(*) FROM sqlite_schema") == 0;
    if (!is_new && integer(opened, "PRAGMA application_id") != application_id)
        throw SpoolError(SpoolFailure::corrupt, "the file is no spool");
    if (!is_new && version != format_version)
        throw std::runtime_error("the spool is of format " + std::to_string(version) + ", made by another version");
    execute(opened, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (is_new)
        in_transaction(opened, [&] {
            execute(opened, "CREATE TABLE webhook ("
                            "id INTEGER PRIMARY KEY AUTOINCREMENT, "
                            "received_at INTEGER NOT NULL, " // microseconds since 2000-01-01 00:00 UTC
                            "source TEXT NOT NULL, "
                            "body BLOB NOT NULL)");
            // Ids begin at the time of day, so that those of an earlier file mean nothing in this one.
            const std::int64_t before = std::max(postgres_now(), last_read_); // the clock may have been set back
            execute(opened, "INSERT INTO sqlite_sequence VALUES ('webhook', " + std::to_string(before) + ")");
            execute(opened, "PRAGMA application_id = " + std::to_string(application_id));
            execute(opened, "PRAGMA user_version = " + std::to_string(format_version));
        });
    try {
        // What an earlier process left in the log, perhaps after a failure to sync it, goes to the database now.
        execute(opened, "PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const SpoolError &error) {
        if (error.failure != SpoolFailure::full)
            throw; // on a full disk, what is there can still be read and applied
    }
    const std::size_t log_bytes = settings_.log_bytes();
    execute(opened, "PRAGMA max_page_count = " + std::to_string((settings_.max_bytes - log_bytes) / page_size) +
                        "; PRAGMA wal_autocheckpoint = " + std::to_string(log_bytes / 2 / page_size));
    depth_ = static_cast<std::size_t>(integer(opened, "SELECT count(*) FROM webhook"));
    removed_.clear();
    database_ = std::move(database);
}

// Keeps the log within its share, whatever holds up its usual rounds.
void SpoolStore::make_room_in_log(std::size_t bytes) {
    constexpr std::size_t slack = 64 * kibibyte;
    const auto fits = [&] { return size_of(path("-wal")) + 2 * bytes + slack <= settings_.log_bytes(); };
    if (fits())
        return;
    execute(database_.get(), "PRAGMA wal_checkpoint(TRUNCATE)");
    if (!fits())
        throw SpoolError(SpoolFailure::full, "the write-ahead log has no room");
}

std::size_t SpoolStore::bytes() const {
    std::size_t bytes = 0;
    for (const char *suffix : suffixes)
        bytes += size_of(path(suffix));
    return bytes;
}

} // namespace msgstatus::receiver
