// The webhooks on disk, in one table of an SQLite database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spool/sqlite.hpp"

namespace msgstatus::receiver {

class SpoolFiles;

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

/// SpoolStore does keep webhooks. It is used by one thread at a time, blocks, and throws SpoolError, after which what
/// is on disk is as it was before.
class SpoolStore {
public:
    /// Opens the database in `files`, and makes its table if it has none.
    SpoolStore(const SpoolFiles &files, const SpoolLimits &limits);

    /// append does keep webhooks, all or none; they are on disk when it returns.
    void append(std::span<const SpoolItem> items);

    /// read does return the first webhooks with an id greater than `after`: at most `most`, and of at most `most_bytes`
    /// together, though one in any case.
    std::vector<SpoolEntry> read(std::int64_t after, std::size_t most, std::size_t most_bytes);

    /// remove does forget webhooks. After a power cut some of them may be there again.
    void remove(std::span<const std::int64_t> ids);

    /// depth does return how many webhooks there are.
    std::size_t depth() const noexcept { return depth_; }
    /// oldest does return when the one that was kept first was received.
    std::optional<std::int64_t> oldest();

    /// log_limit does return how many bytes the write-ahead log may take.
    std::size_t log_limit() const noexcept { return log_limit_; }

    /// batch_bytes does return how many bytes of bodies one append should hold at most.
    std::size_t batch_bytes() const noexcept { return log_limit_ / 4; }

private:
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

} // namespace msgstatus::receiver
