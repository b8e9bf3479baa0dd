// The directory of the spool: who may use it, and what lies in it.
#pragma once

#include <string>

namespace msgstatus::receiver {

/// SpoolFiles does claim a directory for this process, for as long as it lives. The directory and the files in it are
/// for their owner alone (modes 0700, 0600), because they hold bodies of webhooks.
class SpoolFiles {
public:
    /// Makes the directory if it is missing (its parent must be there) and the database file in it, empty.
    /// @throws SpoolError  (unusable) somebody else may enter it or owns it, another process holds it, no permission,
    /// ...
    explicit SpoolFiles(const std::string &directory);
    ~SpoolFiles();
    SpoolFiles(const SpoolFiles &) = delete;
    SpoolFiles &operator=(const SpoolFiles &) = delete;

    std::string database() const { return database_path(directory_); }

    /// bytes does return the size of all files of the database.
    std::size_t bytes() const noexcept { return bytes(directory_); }
    static std::size_t bytes(const std::string &directory) noexcept;
    /// log_bytes does return the size of the write-ahead log alone.
    std::size_t log_bytes() const noexcept;

    /// set_aside does rename the database, which must be closed, so that a new one can be begun, and makes that.
    /// @return the new name of the old one
    /// @throws SpoolError  (unusable) also if so many were set aside before that something must be wrong with the disk
    std::string set_aside();

    /// discard does delete the database, which must be closed, and makes a new one.
    /// @throws SpoolError
    void discard();

    static std::string database_path(const std::string &directory) { return directory + "/spool.db"; }

    /// is_held does tell whether a process has claimed the directory.
    /// @throws SpoolError
    static bool is_held(const std::string &directory);

private:
    void make_database() const;

    std::string directory_;
    int lock_ = -1;
};

} // namespace msgstatus::receiver
