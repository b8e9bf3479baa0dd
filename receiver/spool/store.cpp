#include "spool/store.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace msgstatus::receiver {
namespace {

constexpr mode_t directory_mode = 0700;
constexpr mode_t file_mode = 0600;
constexpr mode_t others = 0077;
// The database, its write-ahead log and the index of that: what SQLite calls them.
constexpr std::array database_suffixes{"", "-wal", "-shm"};
constexpr const char *aside_infix = ".corrupt-";
constexpr std::size_t most_set_aside = 8;

constexpr std::size_t page_size = 4 * kibibyte;
constexpr std::size_t usual_log_limit = 16 * mebibyte;
constexpr std::int64_t format_version = 1;
constexpr std::int64_t application_id = 0x6d737370; // "mssp"; see file(1)'s magic numbers for SQLite

[[noreturn]] void refuse(const std::string &reason) {
    throw SpoolError(SpoolError::Kind::unusable, reason);
}

[[noreturn]] void fail(const std::string &what, const std::string &path) {
    refuse(what + " " + path + ": " + std::generic_category().message(errno));
}

/// A file descriptor that is closed when it goes.
class File {
public:
    File(const std::string &path, int flags) : descriptor_(open(path.c_str(), flags | O_CLOEXEC, file_mode)) {
        if (descriptor_ < 0)
            fail("cannot open", path);
    }
    ~File() {
        if (descriptor_ >= 0)
            close(descriptor_);
    }
    File(const File &) = delete;
    File &operator=(const File &) = delete;

    int get() const noexcept { return descriptor_; }
    int release() noexcept { return std::exchange(descriptor_, -1); }

private:
    int descriptor_;
};

// Brings the names in a directory to the disk.
void sync_directory(const std::string &path) {
    if (fsync(File(path, O_RDONLY | O_DIRECTORY).get()) != 0)
        fail("cannot sync the directory", path);
}

void make_directory(const std::string &path) {
    if (mkdir(path.c_str(), directory_mode) == 0) {
        const std::filesystem::path parent = std::filesystem::path(path).parent_path();
        sync_directory(parent.empty() ? "." : parent.string());
    } else if (errno != EEXIST) {
        fail("cannot make the directory", path);
    }
    struct stat found {};
    if (stat(path.c_str(), &found) != 0)
        fail("cannot look at the directory", path);
    if (!S_ISDIR(found.st_mode))
        refuse(path + " is no directory");
    if (found.st_uid != geteuid())
        refuse("the directory " + path + " belongs to another user");
    if ((found.st_mode & others) != 0)
        refuse("the directory " + path + " is open to other users; it must have mode 0700");
}

std::size_t size_of(const std::string &path) noexcept {
    struct stat found {};
    return stat(path.c_str(), &found) == 0 ? static_cast<std::size_t>(found.st_size) : 0;
}

std::string time_name() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

// Returns the share of the spool's bytes that its write-ahead log may take.
std::size_t log_limit_of(const SpoolLimits &limits) {
    // A body goes through the log whole, and takes up to twice its size where pages are half filled.
    return std::min(limits.max_bytes / 2, std::max(usual_log_limit, 4 * limits.largest_body));
}

} // namespace

SpoolFiles::SpoolFiles(const std::string &directory) : directory_(directory) {
    make_directory(directory_);
    const std::string path = directory_ + "/lock";
    File lock(path, O_RDWR | O_CREAT | O_NOFOLLOW);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            refuse("the directory " + directory_ + " is in use by another process");
        fail("cannot lock", path);
    }
    make_database();
    lock_ = lock.release();
}

SpoolFiles::~SpoolFiles() {
    if (lock_ >= 0)
        close(lock_);
}

// SQLite fills the file; here it gets its mode, which the log and its index inherit.
void SpoolFiles::make_database() const {
    const File file(database(), O_RDWR | O_CREAT | O_NOFOLLOW);
    struct stat found {};
    if (fstat(file.get(), &found) != 0 || ((found.st_mode & others) != 0 && fchmod(file.get(), file_mode) != 0))
        fail("cannot protect", database());
    sync_directory(directory_);
}

std::size_t SpoolFiles::bytes() const noexcept {
    std::size_t bytes = 0;
    for (const char *suffix : database_suffixes)
        bytes += size_of(database() + suffix);
    return bytes;
}

std::size_t SpoolFiles::log_bytes() const noexcept {
    return size_of(database() + "-wal");
}

bool SpoolFiles::is_in_memory() const noexcept {
    struct statfs found {};
    return statfs(directory_.c_str(), &found) == 0 && (found.f_type == TMPFS_MAGIC || found.f_type == RAMFS_MAGIC);
}

std::string SpoolFiles::set_aside() {
    std::size_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(directory_)) {
        const std::string name = entry.path().filename().string();
        count += name.find(aside_infix) != std::string::npos && !name.ends_with("-wal") && !name.ends_with("-shm");
    }
    if (count >= most_set_aside)
        refuse(std::to_string(most_set_aside) + " damaged files lie in " + directory_ + " already");
    const std::string base = database() + aside_infix + time_name();
    std::string aside = base;
    for (int i = 2; access(aside.c_str(), F_OK) == 0; ++i)
        aside = base + "-" + std::to_string(i);
    // The log first: left behind alone, SQLite would delete it.
    for (auto suffix = database_suffixes.rbegin(); suffix != database_suffixes.rend(); ++suffix) {
        if (rename((database() + *suffix).c_str(), (aside + *suffix).c_str()) != 0 && errno != ENOENT)
            fail("cannot rename", database() + *suffix);
    }
    make_database();
    return aside;
}

void SpoolFiles::discard() {
    for (const char *suffix : database_suffixes) {
        if (unlink((database() + suffix).c_str()) != 0 && errno != ENOENT)
            fail("cannot delete", database() + suffix);
    }
    make_database();
}

SpoolStore::SpoolStore(const SpoolFiles &files, const SpoolLimits &limits)
    : files_(files), log_limit_(log_limit_of(limits)), database_(files.database()) {
    prepare_database();
    database_.execute("PRAGMA max_page_count = " + std::to_string((limits.max_bytes - log_limit_) / page_size));
    database_.execute("PRAGMA wal_autocheckpoint = " + std::to_string(log_limit_ / 2 / page_size));
    insert_.emplace(database_, "INSERT INTO webhook (received_at, source, body) VALUES (?, ?, ?)");
    select_.emplace(database_, "SELECT id, received_at, source, body FROM webhook WHERE id > ? ORDER BY id LIMIT ?");
    delete_.emplace(database_, "DELETE FROM webhook WHERE id = ?");
    oldest_.emplace(database_, "SELECT received_at FROM webhook ORDER BY id LIMIT 1");
    depth_ = static_cast<std::size_t>(integer("SELECT count(*) FROM webhook"));
}

// Returns the first column of the first row.
std::int64_t SpoolStore::integer(const char *sql) {
    SqliteStatement statement(database_, sql);
    return statement.step() ? statement.integer(0) : 0;
}

void SpoolStore::prepare_database() {
    database_.execute("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
    const std::int64_t version = integer("PRAGMA user_version");
    const std::int64_t application = integer("PRAGMA application_id");
    const bool is_new = version == 0 && application == 0 && integer("SELECT count(*) FROM sqlite_schema") == 0;
    if (!is_new && application != application_id)
        throw SpoolError(SpoolError::Kind::corrupt, "the file is no spool");
    if (!is_new && version != format_version)
        refuse("the spool is of format " + std::to_string(version) + ", made by another version");
    if (is_new)
        database_.execute("PRAGMA page_size = 4096");
    database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (is_new) {
        SqliteTransaction transaction(database_);
        // AUTOINCREMENT: an id that was used never comes again, so a reader can go on from the last one it has seen.
        database_.execute("CREATE TABLE webhook ("
                          "id INTEGER PRIMARY KEY AUTOINCREMENT, "
                          "received_at INTEGER NOT NULL, " // microseconds since 2000-01-01 00:00 UTC
                          "source TEXT NOT NULL, "
                          "body BLOB NOT NULL)");
        database_.execute("PRAGMA application_id = " + std::to_string(application_id));
        database_.execute("PRAGMA user_version = " + std::to_string(format_version));
        transaction.commit();
    }
    try {
        // What an earlier process left in the log, perhaps after a failure to sync it, goes to the database now.
        database_.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const SpoolError &error) {
        if (error.kind() != SpoolError::Kind::full)
            throw; // on a full disk, what is there can still be read and applied
    }
}

void SpoolStore::append(std::span<const SpoolItem> items) {
    if (database_.is_moved())
        refuse("the file " + files_.database() + " was taken away");
    std::size_t bytes = 0;
    for (const SpoolItem &item : items)
        bytes += item.body.size();
    make_room_in_log(bytes);
    database_.execute("PRAGMA synchronous = FULL"); // the commit returns when all is on disk
    SqliteTransaction transaction(database_);
    for (const SpoolItem &item : items) {
        insert_->bind(1, item.received_at);
        insert_->bind_text(2, item.source);
        insert_->bind_blob(3, item.body);
        insert_->run();
    }
    transaction.commit();
    depth_ += items.size();
}

// Keeps the log within its share, whatever holds up its usual rounds.
void SpoolStore::make_room_in_log(std::size_t bytes) {
    constexpr std::size_t slack = 64 * kibibyte;
    const auto fits = [&] { return files_.log_bytes() + 2 * bytes + slack <= log_limit_; };
    if (fits())
        return;
    database_.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!fits())
        throw SpoolError(SpoolError::Kind::full, "the write-ahead log has no room");
}

std::vector<SpoolEntry> SpoolStore::read(std::int64_t after, std::size_t most, std::size_t most_bytes) {
    std::vector<SpoolEntry> entries;
    std::size_t bytes = 0;
    select_->bind(1, after);
    select_->bind(2, static_cast<std::int64_t>(most));
    while (select_->step()) {
        const std::string_view body = select_->bytes(3);
        bytes += body.size();
        if (bytes > most_bytes && !entries.empty())
            break;
        entries.push_back(
            {select_->integer(0), select_->integer(1), std::string(select_->bytes(2)), std::string(body)});
    }
    select_->reset();
    return entries;
}

void SpoolStore::remove(std::span<const std::int64_t> ids) {
    // What comes back after a power cut is applied again, which changes nothing: this need not wait for the disk.
    database_.execute("PRAGMA synchronous = NORMAL");
    std::size_t removed = 0;
    SqliteTransaction transaction(database_);
    for (const std::int64_t id : ids) {
        delete_->bind(1, id);
        delete_->run();
        removed += static_cast<std::size_t>(sqlite3_changes(database_.get()));
    }
    transaction.commit();
    depth_ -= std::min(depth_, removed);
}

std::optional<std::int64_t> SpoolStore::oldest() {
    std::optional<std::int64_t> received_at;
    if (oldest_->step())
        received_at = oldest_->integer(0);
    oldest_->reset();
    return received_at;
}

// Runs an operation on the open store, once more on a new one if the file is damaged.
template <class Operation>
SpoolReport SpoolWorker::run(Operation operation) {
    SpoolReport report;
    for (int attempt = 1; attempt <= 2 && !report.done; ++attempt) {
        try {
            if (!store_) {
                open_store();
                report.opened = true;
            }
            operation(report);
            report.done = true;
        } catch (const std::exception &error) { // of the spool, of the file system, or of memory
            const auto *spool_error = dynamic_cast<const SpoolError *>(&error);
            report.failure = spool_error != nullptr ? spool_error->kind() : SpoolError::Kind::unusable;
            report.reason = error.what();
            if (report.failure == SpoolError::Kind::full && store_)
                break;
            store_.reset();
            try {
                if (report.failure == SpoolError::Kind::corrupt) {
                    report.set_aside = files_->set_aside();
                    continue;
                }
            } catch (const std::exception &problem) {
                report.reason += std::string("; ") + problem.what();
            }
            files_.reset();
            break;
        }
    }
    look(report);
    return report;
}

void SpoolWorker::open_store() {
    if (!files_)
        files_.emplace(directory_);
    store_.emplace(*files_, limits_);
    ++file_; // perhaps another one than before
}

void SpoolWorker::look(SpoolReport &report) {
    SpoolState &state = report.state;
    state.file = file_;
    state.bytes = files_ ? files_->bytes() : 0;
    if (!store_)
        return;
    state.open = true;
    state.depth = store_->depth();
    state.batch_bytes = store_->batch_bytes();
    report.in_memory = report.opened && files_->is_in_memory();
    try {
        state.oldest = store_->oldest();
    } catch (const SpoolError &) {
        state.oldest.reset(); // the next operation will meet the same, and say so
    }
}

SpoolReport SpoolWorker::open() {
    return run([](SpoolReport &) {});
}

SpoolReport SpoolWorker::append(std::span<const SpoolItem> items) {
    return run([this, items](SpoolReport &) { store_->append(items); });
}

SpoolReport SpoolWorker::read(std::int64_t after, std::size_t most, std::size_t most_bytes) {
    return run([=, this](SpoolReport &report) { report.entries = store_->read(after, most, most_bytes); });
}

SpoolReport SpoolWorker::remove(std::uint64_t file, std::span<const std::int64_t> ids) {
    return run([=, this](SpoolReport &) {
        if (file != file_)
            return;
        store_->remove(ids);
        if (store_->depth() == 0 && files_->bytes() > 2 * store_->log_limit())
            begin_anew();
    });
}

SpoolReport SpoolWorker::discard(std::uint64_t file, std::span<const std::int64_t> ids) {
    return run([=, this](SpoolReport &) {
        if (file != file_ || ids.size() != store_->depth())
            return;
        // Another webhook may have come in the meantime; it has a greater id.
        const std::int64_t last = *std::max_element(ids.begin(), ids.end());
        if (store_->read(last, 1, 1).empty())
            begin_anew();
    });
}

void SpoolWorker::begin_anew() {
    store_.reset();
    files_->discard();
    open_store();
}

} // namespace msgstatus::receiver
