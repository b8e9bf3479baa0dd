// Looks into a spool without holding it, so also while a receiver uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "spool/spool_store.hpp"
#include "spool/sqlite.hpp"

namespace msgstatus::receiver {

/// What a spool holds of one source.
struct SpoolSource {
    std::string name;
    std::int64_t bodies = 0;
    std::int64_t bytes = 0;  ///< of the bodies
    std::int64_t oldest = 0; ///< time of receipt, in microseconds since 2000-01-01 00:00 UTC
};

/// SpoolReader does read a spool and changes nothing. All functions throw SpoolError.
class SpoolReader {
public:
    /// @throws SpoolError  also if there is no spool in the directory
    explicit SpoolReader(const std::string &directory);

    /// is_in_use does tell whether a process has claimed the directory.
    bool is_in_use() const;
    /// file_bytes does return what the spool takes on disk.
    std::size_t file_bytes() const;
    /// sources does count the webhooks by source.
    std::vector<SpoolSource> sources();
    /// first does show the webhooks that were kept first.
    /// @param show  must be quick: a reader at work keeps the spool's log from starting over
    void first(std::size_t most, const std::function<void(std::int64_t id, const SpoolItem &)> &show);

private:
    std::string directory_;
    SqliteDatabase database_;
    bool empty_ = false; ///< a spool that was never opened
};

} // namespace msgstatus::receiver
