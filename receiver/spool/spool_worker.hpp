// What the spool's own thread does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "spool/spool_files.hpp"
#include "spool/spool_store.hpp"

namespace msgstatus::receiver {

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
    std::optional<SpoolError::Kind> failure; ///< what went wrong, even if the operation was then done
    std::string reason;
    std::string set_aside; ///< where the damaged file went
    std::vector<SpoolEntry> entries;
};

/// SpoolWorker does run the operations of the spool one after another, and opens it as often as it takes. No exception
/// leaves it. What is damaged is set aside and a new file begun; after any other failure but lack of room the spool is
/// closed, and opened anew by the next open().
class SpoolWorker {
public:
    SpoolWorker(std::string directory, const SpoolLimits &limits);

    SpoolReport open();
    SpoolReport append(std::span<const SpoolItem> items);
    SpoolReport read(std::int64_t after, std::size_t most, std::size_t most_bytes);
    /// @param file  where the ids are from
    /// An empty spool gives its space back.
    SpoolReport remove(std::uint64_t file, std::span<const std::int64_t> ids);
    /// discard does begin a new file in place of one that holds nothing but these webhooks.
    SpoolReport discard(std::uint64_t file, std::span<const std::int64_t> ids);

private:
    template <class Operation>
    SpoolReport run(Operation operation);
    void open_store();
    bool set_aside(SpoolReport &report);
    void begin_anew();
    void look(SpoolReport &report);

    std::string directory_;
    SpoolLimits limits_;
    std::optional<SpoolFiles> files_;
    std::optional<SpoolStore> store_;
    std::uint64_t file_ = 0;
};

} // namespace msgstatus::receiver
