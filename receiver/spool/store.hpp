// The webhooks on disk: a directory for this process alone, and in it one table of an SQLite database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.hpp"
#include "spool/sqlite.hpp"

namespace msgstatus::receiver {

/// How much the spool may hold.
struct SpoolLimits {
    std::size_t max_bytes = 0;    ///< of all its files together
    std::size_t largest_body = 0; ///< that it has to have room for
};

/// A webhook to be kept. The texts belong to somebody else.
struct SpoolItem {
    std::int64_t received_at = 0; ///< microseconds since 2000-01-01 00:00 UTC
    std::string_view source;
    std::string_view body;
};

/// A webhook that is kept.
struct SpoolEntry {
    std::int64_t id = 0; ///< ascending in the order in which they were kept; never used again
    std::int64_t received_at = 0;
    std::string source;
    std::string body;
};

/// SpoolFiles claims a directory for this process, for as long as it lives. The directory and the files in it are for
/// their owner alone (modes 0700, 0600), because they hold bodies of webhooks.
class SpoolFiles {
public:
    /// Makes the directory if it is missing (its parent must be there) and the database file in it, empty.
    /// @throws SpoolError  (unusable) somebody else may enter it or owns it, another process holds it, no permission,
    /// ...
    explicit SpoolFiles(const std::string &directory);
    ~SpoolFiles();
    SpoolFiles(const SpoolFiles &) = delete;
    SpoolFiles &operator=(const SpoolFiles &) = delete;

    std::string database() const { return directory_ + "/spool.db"; }

    /// Returns the size of all files of the database, or of its write-ahead log alone.
    std::size_t bytes() const noexcept;
    std::size_t log_bytes() const noexcept;

    /// Returns whether the directory is in memory, so that a crash of the machine empties it.
    bool is_in_memory() const noexcept;

    /// Renames the database, which must be closed, so that a new one can be begun, and makes that.
    /// @return the new name of the old one
    /// @throws SpoolError  (unusable) also if so many were set aside before that something must be wrong with the disk
    std::string set_aside();

    /// Deletes the database, which must be closed, and makes a new one.
    void discard();

private:
    void make_database() const;

    std::string directory_;
    int lock_ = -1;
};

/// SpoolStore keeps webhooks. It is used by one thread at a time, blocks, and throws SpoolError, after which what is on
/// disk is as it was before.
class SpoolStore {
public:
    /// Opens the database in `files`, and makes its table if it has none.
    SpoolStore(const SpoolFiles &files, const SpoolLimits &limits);

    /// Keeps webhooks, all or none; they are on disk when it returns.
    void append(std::span<const SpoolItem> items);

    /// Returns the first webhooks with an id greater than `after`: at most `most`, and of at most `most_bytes`
    /// together, though one in any case.
    std::vector<SpoolEntry> read(std::int64_t after, std::size_t most, std::size_t most_bytes);

    /// Forgets webhooks. After a power cut some of them may be there again.
    void remove(std::span<const std::int64_t> ids);

    /// Returns how many webhooks there are.
    std::size_t depth() const noexcept { return depth_; }
    /// Returns when the one that was kept first was received.
    std::optional<std::int64_t> oldest();

    /// Returns how many bytes the write-ahead log may take.
    std::size_t log_limit() const noexcept { return log_limit_; }
    /// Returns how many bytes of bodies one append should hold at most.
    std::size_t batch_bytes() const noexcept { return log_limit_ / 4; }

private:
    std::int64_t integer(const char *sql);
    void prepare_database();
    void make_room_in_log(std::size_t bytes);

    const SpoolFiles &files_;
    std::size_t log_limit_;
    SqliteDatabase database_;
    std::optional<SqliteStatement> insert_;
    std::optional<SqliteStatement> select_;
    std::optional<SqliteStatement> delete_;
    std::optional<SqliteStatement> oldest_;
    std::size_t depth_ = 0;
};

/// The spool as it is after an operation.
struct SpoolState {
    bool open = false;
    std::uint64_t file = 0; ///< counts the openings; ids of one mean nothing in another
    std::size_t depth = 0;
    std::size_t bytes = 0;
    std::size_t batch_bytes = 0;
    std::optional<std::int64_t> oldest;
};

/// What became of an operation.
struct SpoolReport {
    SpoolState state;
    bool done = false;
    bool opened = false;                     ///< it was not open before
    bool in_memory = false;                  ///< where no crash of the machine is survived
    std::optional<SpoolError::Kind> failure; ///< what went wrong, even if the operation was then done
    std::string reason;
    std::string set_aside; ///< where the damaged file went
    std::vector<SpoolEntry> entries;
};

/// SpoolWorker runs the operations of the spool one after another, and opens it as often as it takes. No exception
/// leaves it. What is damaged is set aside and a new file begun; after any other failure but lack of room the spool is
/// closed, and opened anew by the next open().
class SpoolWorker {
public:
    SpoolWorker(std::string directory, const SpoolLimits &limits) : directory_(std::move(directory)), limits_(limits) {}

    SpoolReport open();
    SpoolReport append(std::span<const SpoolItem> items);
    SpoolReport read(std::int64_t after, std::size_t most, std::size_t most_bytes);
    /// Forgets webhooks. An empty spool gives its space back.
    /// @param file  where the ids are from
    SpoolReport remove(std::uint64_t file, std::span<const std::int64_t> ids);
    /// Begins a new file in place of one that holds nothing but these webhooks.
    SpoolReport discard(std::uint64_t file, std::span<const std::int64_t> ids);

private:
    template <class Operation>
    SpoolReport run(Operation operation);
    void open_store();
    void begin_anew();
    void look(SpoolReport &report);

    std::string directory_;
    SpoolLimits limits_;
    std::optional<SpoolFiles> files_;
    std::optional<SpoolStore> store_;
    std::uint64_t file_ = 0;
};

} // namespace msgstatus::receiver
