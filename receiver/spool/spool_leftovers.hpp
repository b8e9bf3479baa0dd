// Webhooks that are committed and yet still on disk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace msgstatus::receiver {

/// SpoolLeftovers does remember webhooks that could not be removed: to delete, too, takes room on the disk, and a full
/// one has none.
class SpoolLeftovers {
public:
    void add(std::span<const std::int64_t> ids) {
        ids_.insert(ids_.end(), ids.begin(), ids.end());
        std::sort(ids_.begin(), ids_.end());
    }
    void clear() noexcept { ids_.clear(); }
    /// take does return all ids and forget them.
    std::vector<std::int64_t> take() noexcept { return std::exchange(ids_, {}); }

    bool contains(std::int64_t id) const noexcept { return std::binary_search(ids_.begin(), ids_.end(), id); }
    bool empty() const noexcept { return ids_.empty(); }
    std::size_t size() const noexcept { return ids_.size(); }

private:
    std::vector<std::int64_t> ids_; ///< ascending
};

} // namespace msgstatus::receiver
