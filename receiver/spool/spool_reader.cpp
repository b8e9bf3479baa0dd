#include "spool/spool_reader.hpp"

#include <unistd.h>

#include "spool/spool_files.hpp"
#include "spool/spool_schema.hpp"

namespace msgstatus::receiver {
namespace {

std::string existing_database(const std::string &directory) {
    std::string path = SpoolFiles::database_path(directory);
    if (access(path.c_str(), F_OK) != 0)
        throw SpoolError(SpoolError::Kind::unusable, "there is no spool in " + directory);
    return path;
}

} // namespace

SpoolReader::SpoolReader(const std::string &directory)
    : directory_(directory), database_(existing_database(directory), SQLITE_OPEN_READONLY) {
    database_.execute("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON");
    empty_ = check_spool_format(database_) == 0;
}

bool SpoolReader::is_in_use() const {
    return SpoolFiles::is_held(directory_);
}

std::size_t SpoolReader::file_bytes() const {
    return SpoolFiles::bytes(directory_);
}

std::vector<SpoolSource> SpoolReader::sources() {
    std::vector<SpoolSource> sources;
    if (empty_)
        return sources;
    SqliteStatement statement(database_, "SELECT source, count(*), sum(length(body)), min(received_at) FROM webhook "
                                         "GROUP BY source ORDER BY source");
    while (statement.step())
        sources.push_back(
            {std::string(statement.bytes(0)), statement.integer(1), statement.integer(2), statement.integer(3)});
    return sources;
}

void SpoolReader::first(std::size_t most, const std::function<void(std::int64_t id, const SpoolItem &)> &show) {
    if (empty_)
        return;
    SqliteStatement statement(database_, "SELECT id, received_at, source, body FROM webhook ORDER BY id LIMIT ?");
    statement.bind(1, static_cast<std::int64_t>(most));
    while (statement.step())
        show(statement.integer(0), {statement.integer(1), statement.bytes(2), statement.bytes(3)});
}

} // namespace msgstatus::receiver
