// The webhooks on disk: a directory for this process alone, and in it one table of an SQLite database.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "base/net.hpp"
#include "jobs/job.hpp"

namespace msgstatus::receiver {

struct SpoolSettings {
    std::string directory;
    std::size_t max_bytes = 0;       ///< of all its files together
    std::size_t largest_body = 0;    ///< that it has to have room for
    std::size_t batch_max = 0;       ///< webhooks, and
    std::size_t batch_max_bytes = 0; ///< bytes of bodies in one call of the database

    /// Returns how many of the bytes the write-ahead log may take. A body goes through the log whole, and takes up to
    /// twice its size where pages are half filled.
    std::size_t log_bytes() const noexcept {
        return std::min(max_bytes / 2, std::max(16 * mebibyte, 4 * largest_body));
    }
};

/// The spool as it is after an operation.
struct SpoolState {
    bool open = false;
    std::size_t depth = 0; ///< webhooks
    std::size_t bytes = 0;
    std::optional<std::int64_t> oldest; ///< when the webhook that was kept first was received
};

enum class SpoolFailure : std::uint8_t {
    none,
    full,     ///< no room, on the disk or within spool-max-bytes; what is there can be read and removed
    corrupt,  ///< the file is damaged, or is no spool
    unusable, ///< it cannot be opened, read or written now: permissions, a read-only disk, held by someone else
};

/// What became of an operation.
struct SpoolReport {
    SpoolState state;
    bool done = false;
    bool opened = false;                       ///< it was not open before
    bool in_memory = false;                    ///< where no crash of the machine is survived
    SpoolFailure failure = SpoolFailure::none; ///< what went wrong, even if the operation was then done
    std::string reason;                        ///< without data of webhooks
    std::string set_aside;                     ///< where the damaged file went
    std::vector<Job> jobs;
};

/// SpoolStore keeps webhooks, and opens its files as often as it takes. It is used by one thread at a time and blocks;
/// no exception leaves it. What is damaged is set aside and a new file begun; after any other failure but lack of room
/// all is closed, and opened anew by the next operation.
///
/// The directory and the files in it are for their owner alone (modes 0700, 0600), because they hold bodies of
/// webhooks. It is made if it is missing; its parent must be there.
class SpoolStore {
public:
    explicit SpoolStore(SpoolSettings settings) : settings_(std::move(settings)) {}
    ~SpoolStore() { release(); }
    SpoolStore(const SpoolStore &) = delete;
    SpoolStore &operator=(const SpoolStore &) = delete;

    SpoolReport open();

    /// Keeps webhooks, all or none; they are on disk when it returns.
    SpoolReport append(std::span<const Job> jobs);

    /// Returns the first webhooks with an id (`backlog_id`) greater than `after`: at most `most`, and of at most
    /// `most_bytes` together, though one in any case. Ids ascend in the order in which webhooks were kept, and none is
    /// used twice, also not in a file that takes the place of another.
    SpoolReport read(std::int64_t after, std::size_t most, std::size_t most_bytes);

    /// Forgets webhooks, whether the disk has room for that or not. After a power cut some of them may be there again.
    /// A spool that is empty then gives its space back.
    SpoolReport remove(std::span<const std::int64_t> ids);

private:
    struct Close {
        void operator()(sqlite3 *database) const noexcept { sqlite3_close_v2(database); }
    };
    using Database = std::unique_ptr<sqlite3, Close>;

    template <class Operation>
    SpoolReport run(Operation operation);
    std::string path(const std::string &suffix = "") const { return settings_.directory + "/spool.db" + suffix; }
    std::size_t bytes() const;
    void claim_directory();
    void release() noexcept;
    void open_database();
    std::string set_aside();
    void discard();
    void make_room_in_log(std::size_t bytes);
    void erase(const std::set<std::int64_t> &ids);

    SpoolSettings settings_;
    int lock_ = -1;
    Database database_;
    std::size_t depth_ = 0;
    std::optional<std::int64_t> oldest_;
    std::int64_t last_read_ = 0;     ///< the greatest id that was given out
    std::set<std::int64_t> removed_; ///< yet in the file: to delete takes room, too, and a full disk has none
};

} // namespace msgstatus::receiver
