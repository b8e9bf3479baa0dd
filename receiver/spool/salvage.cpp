#include "spool/salvage.hpp"

#include <optional>
#include <vector>

#include "spool/spool_schema.hpp"
#include "spool/sqlite.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t most_in_append = 1000;
constexpr std::int64_t most_missed_in_a_row = 100'000;
constexpr std::int64_t a_day = 86'400'000'000; // microseconds

/// Reads a damaged table in the order of ids; where that breaks off, id by id until it goes on.
class DamagedTable {
public:
    explicit DamagedTable(SqliteDatabase &database)
        : rest_(database, "SELECT id, received_at, source, body FROM webhook WHERE id > ? ORDER BY id"),
          one_(database, "SELECT id, received_at, source, body FROM webhook WHERE id = ?") {
        rest_.bind(1, 0);
    }

    /// next does return the next webhook that can be read, if there is one.
    std::optional<SpoolEntry> next() {
        try {
            return rest_.step() ? std::optional(entry(rest_)) : std::nullopt;
        } catch (const SpoolError &) {
            return skip();
        }
    }

private:
    SpoolEntry entry(const SqliteStatement &row) {
        last_ = row.integer(0);
        return {last_, row.integer(1), std::string(row.bytes(2)), std::string(row.bytes(3))};
    }

    std::optional<SpoolEntry> skip() {
        for (std::int64_t missed = 1; missed <= most_missed_in_a_row; ++missed) {
            try {
                one_.bind(1, last_ + missed);
                std::optional<SpoolEntry> found;
                if (one_.step())
                    found = entry(one_);
                one_.reset();
                if (!found)
                    continue;
                rest_.reset();
                rest_.bind(1, last_);
                return found;
            } catch (const SpoolError &) {
                continue; // this one, too, is lost
            }
        }
        return std::nullopt;
    }

    SqliteStatement rest_;
    SqliteStatement one_;
    std::int64_t last_ = 0;
};

void append(SpoolStore &into, const std::vector<SpoolEntry> &entries, std::int64_t now) {
    std::vector<SpoolItem> items;
    items.reserve(entries.size());
    for (const SpoolEntry &entry : entries) {
        const bool likely = entry.received_at > 0 && entry.received_at < now + a_day;
        items.push_back({likely ? entry.received_at : now, entry.source, entry.body});
    }
    into.append(items);
}

} // namespace

std::size_t salvage(const std::string &file, SpoolStore &into, std::int64_t now) {
    SqliteDatabase database(file, SQLITE_OPEN_READONLY);
    database.execute("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON");
    check_spool_format(database);
    DamagedTable table(database);
    std::size_t saved = 0;
    std::vector<SpoolEntry> entries;
    std::size_t bytes = 0;
    for (std::optional<SpoolEntry> entry = table.next(); entry; entry = table.next()) {
        bytes += entry->body.size();
        entries.push_back(std::move(*entry));
        if (entries.size() < most_in_append && bytes < into.batch_bytes())
            continue;
        append(into, entries, now);
        saved += entries.size();
        entries.clear();
        bytes = 0;
    }
    append(into, entries, now);
    return saved + entries.size();
}

} // namespace msgstatus::receiver
