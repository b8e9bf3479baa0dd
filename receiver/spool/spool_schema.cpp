#include "spool/spool_schema.hpp"

#include <string>

namespace msgstatus::receiver {
namespace {

constexpr std::int64_t format_version = 1;
constexpr std::int64_t application_id = 0x6d737370; // "mssp"; see file(1)'s magic numbers for SQLite

} // namespace

std::int64_t check_spool_format(SqliteDatabase &database) {
    const std::int64_t version = database.integer("PRAGMA user_version");
    const std::int64_t application = database.integer("PRAGMA application_id");
    const std::int64_t objects = database.integer("SELECT count(*) FROM sqlite_schema");
    if (version == 0 && application == 0 && objects == 0)
        return 0;
    if (application != application_id)
        throw SpoolError(SpoolError::Kind::corrupt, "the file is no spool");
    if (version != format_version)
        throw SpoolError(SpoolError::Kind::unusable,
                         "the spool is of format " + std::to_string(version) + ", made by another version");
    return version;
}

void make_spool_tables(SqliteDatabase &database) {
    SqliteTransaction transaction(database);
    // AUTOINCREMENT: an id that was used never comes again, so a reader can go on from the last one it has seen.
    database.execute("CREATE TABLE webhook ("
                     "id INTEGER PRIMARY KEY AUTOINCREMENT, "
                     "received_at INTEGER NOT NULL, " // microseconds since 2000-01-01 00:00 UTC, as PostgreSQL counts
                     "source TEXT NOT NULL, "
                     "body BLOB NOT NULL)");
    database.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
    database.execute(("PRAGMA user_version = " + std::to_string(format_version)).c_str());
    transaction.commit();
}

} // namespace msgstatus::receiver
