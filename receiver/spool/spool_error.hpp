// What can go wrong with the spool.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace msgstatus::receiver {

/// The spool could not do what it was asked to; the message holds no data of webhooks.
class SpoolError : public std::runtime_error {
public:
    enum class Kind : std::uint8_t {
        full,     ///< no room, on the disk or within spool-max-bytes; what is there can be read and removed
        corrupt,  ///< the file is damaged, or is no spool
        unusable, ///< it cannot be opened, read or written now: permissions, a read-only disk, held by someone else
    };

    SpoolError(Kind kind, const std::string &message) : std::runtime_error(message), kind_(kind) {}

    Kind kind() const noexcept { return kind_; }

private:
    Kind kind_;
};

} // namespace msgstatus::receiver
