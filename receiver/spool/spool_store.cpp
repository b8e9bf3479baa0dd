#include "spool/spool_store.hpp"

#include <algorithm>

#include "config/units.hpp"
#include "spool/spool_files.hpp"
#include "spool/spool_schema.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t page_size = 4 * kibibyte;
constexpr std::size_t usual_log_limit = 16 * mebibyte;

// log_limit_of does return the share of the spool's bytes that its write-ahead log may take.
std::size_t log_limit_of(const SpoolLimits &limits) {
    // A body goes through the log whole, and takes up to twice its size where pages are half filled.
    return std::min(limits.max_bytes / 2, std::max(usual_log_limit, 4 * limits.largest_body));
}

} // namespace

SpoolStore::SpoolStore(const SpoolFiles &files, const SpoolLimits &limits)
    : files_(files), log_limit_(log_limit_of(limits)), database_(files.database(), SQLITE_OPEN_READWRITE) {
    prepare_database();
    database_.execute(
        ("PRAGMA max_page_count = " + std::to_string((limits.max_bytes - log_limit_) / page_size)).c_str());
    database_.execute(("PRAGMA wal_autocheckpoint = " + std::to_string(log_limit_ / 2 / page_size)).c_str());
    insert_.emplace(database_, "INSERT INTO webhook (received_at, source, body) VALUES (?, ?, ?)");
    select_.emplace(database_, "SELECT id, received_at, source, body FROM webhook WHERE id > ? ORDER BY id LIMIT ?");
    delete_.emplace(database_, "DELETE FROM webhook WHERE id = ?");
    oldest_.emplace(database_, "SELECT received_at FROM webhook ORDER BY id LIMIT 1");
    depth_ = static_cast<std::size_t>(database_.integer("SELECT count(*) FROM webhook"));
}

void SpoolStore::prepare_database() {
    database_.execute("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
    const std::int64_t format = check_spool_format(database_);
    if (format == 0)
        database_.execute("PRAGMA page_size = 4096");
    database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (format == 0)
        make_spool_tables(database_);
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
        throw SpoolError(SpoolError::Kind::unusable, "the file " + files_.database() + " was taken away");
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

// make_room_in_log does keep the log within its share, whatever holds up its usual rounds.
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

} // namespace msgstatus::receiver
