#include "spool/spool_files.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool_error.hpp"

namespace msgstatus::receiver {
namespace {

constexpr mode_t directory_mode = 0700;
constexpr mode_t file_mode = 0600;
constexpr mode_t others = 0077;
// The database, its write-ahead log and the index of that: what SQLite calls them.
constexpr std::array database_suffixes{"", "-wal", "-shm"};
constexpr const char *aside_infix = ".corrupt-";
constexpr std::size_t most_set_aside = 8;

[[noreturn]] void fail(const std::string &what, const std::string &path) {
    throw SpoolError(SpoolError::Kind::unusable, what + " " + path + ": " + std::generic_category().message(errno));
}

/// A file descriptor that is closed when it goes.
class File {
public:
    File(const std::string &path, int flags) : descriptor_(open(path.c_str(), flags | O_CLOEXEC, file_mode)) {}
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

// sync_directory does bring the names in a directory to the disk.
void sync_directory(const std::string &path) {
    const File directory(path, O_RDONLY | O_DIRECTORY);
    if (directory.get() < 0 || fsync(directory.get()) != 0)
        fail("cannot sync the directory", path);
}

std::string lock_path(const std::string &directory) {
    return directory + "/lock";
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
        throw SpoolError(SpoolError::Kind::unusable, path + " is no directory");
    if (found.st_uid != geteuid())
        throw SpoolError(SpoolError::Kind::unusable, "the directory " + path + " belongs to another user");
    if ((found.st_mode & others) != 0)
        throw SpoolError(SpoolError::Kind::unusable,
                         "the directory " + path + " is open to other users; it must have mode 0700");
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

std::size_t count_set_aside(const std::string &directory) {
    std::error_code ec;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator entry(directory, ec), end; !ec && entry != end; entry.increment(ec)) {
        const std::string name = entry->path().filename().string();
        if (name.find(aside_infix) != std::string::npos && !name.ends_with("-wal") && !name.ends_with("-shm"))
            ++count;
    }
    return count;
}

} // namespace

SpoolFiles::SpoolFiles(const std::string &directory) : directory_(directory) {
    make_directory(directory_);
    File lock(lock_path(directory_), O_RDWR | O_CREAT | O_NOFOLLOW);
    if (lock.get() < 0)
        fail("cannot open", lock_path(directory_));
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            throw SpoolError(SpoolError::Kind::unusable,
                             "the directory " + directory_ + " is in use by another process");
        fail("cannot lock", lock_path(directory_));
    }
    make_database();
    lock_ = lock.release();
}

SpoolFiles::~SpoolFiles() {
    if (lock_ >= 0)
        close(lock_);
}

// make_database does leave it to SQLite to fill the file; here it gets its mode, which the log and its index inherit.
void SpoolFiles::make_database() const {
    const File file(database(), O_RDWR | O_CREAT | O_NOFOLLOW);
    if (file.get() < 0)
        fail("cannot open", database());
    struct stat found {};
    if (fstat(file.get(), &found) != 0 || ((found.st_mode & others) != 0 && fchmod(file.get(), file_mode) != 0))
        fail("cannot protect", database());
    sync_directory(directory_);
}

std::size_t SpoolFiles::bytes(const std::string &directory) noexcept {
    std::size_t bytes = 0;
    for (const char *suffix : database_suffixes)
        bytes += size_of(database_path(directory) + suffix);
    return bytes;
}

std::size_t SpoolFiles::log_bytes() const noexcept {
    return size_of(database() + "-wal");
}

std::string SpoolFiles::set_aside() {
    if (count_set_aside(directory_) >= most_set_aside)
        throw SpoolError(SpoolError::Kind::unusable,
                         std::to_string(most_set_aside) + " damaged files lie in " + directory_ + " already");
    const std::string base = database() + aside_infix + time_name();
    std::string aside = base;
    for (int i = 2; size_of(aside) > 0 || access(aside.c_str(), F_OK) == 0; ++i)
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

bool SpoolFiles::is_held(const std::string &directory) {
    const File lock(lock_path(directory), O_RDONLY | O_NOFOLLOW);
    if (lock.get() < 0) {
        if (errno == ENOENT)
            return false;
        fail("cannot open", lock_path(directory));
    }
    if (flock(lock.get(), LOCK_SH | LOCK_NB) == 0)
        return false;
    if (errno != EWOULDBLOCK)
        fail("cannot lock", lock_path(directory));
    return true;
}

} // namespace msgstatus::receiver
