// A bound on the bytes of bodies in memory, whatever the number of connections.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/net.hpp"

namespace msgstatus::receiver {

/// BufferBudget counts the memory held for bodies that are arriving, waiting or in flight. A quarter of it is kept for
/// small bodies: clients that announce large ones and never send their end cannot keep out the usual webhook.
class BufferBudget {
public:
    /// The largest body that counts as small.
    static constexpr std::size_t small = 64 * kibibyte;

    /// @param largest_body  for which there is room in any case while nothing else is held
    explicit BufferBudget(std::size_t limit, std::size_t largest_body = 0)
        : limit_(limit), large_limit_(std::max(limit - limit / 4, std::min(limit, largest_body))) {}

    /// Reserves bytes for a body that then has `size` in all; false if there are not so many left for its kind.
    bool take(std::size_t bytes, std::size_t size) noexcept {
        const std::size_t limit = size > small ? large_limit_ : limit_;
        if (used_ > limit || bytes > limit - used_)
            return false;
        used_ += bytes;
        return true;
    }
    void give_back(std::size_t bytes) noexcept { used_ -= bytes; }
    std::size_t used() const noexcept { return used_; }

private:
    std::size_t limit_;
    std::size_t large_limit_;
    std::size_t used_ = 0;
};

/// BufferedBody is the text of a body and its share of the budget: all that it has allocated. It gives the share back
/// when it goes.
class BufferedBody {
public:
    BufferedBody() = default;
    BufferedBody(BufferedBody &&other) noexcept { swap(other); }
    BufferedBody &operator=(BufferedBody other) noexcept {
        swap(other);
        return *this;
    }
    ~BufferedBody() {
        if (budget_ != nullptr)
            budget_->give_back(charged_);
    }

    /// Appends a piece that arrived; false if the budget does not allow it.
    /// @param most  bytes that the body will have at most, if that is known
    bool append(BufferBudget &budget, std::string_view piece, std::size_t most = SIZE_MAX) {
        const std::size_t size = text_.size() + piece.size();
        if (size > charged_) {
            std::size_t wanted = std::max(size, std::min(2 * size, most));
            if (!hold(budget, wanted) && !hold(budget, wanted = size))
                return false;
            std::string larger; // reserve() of a text that has one doubles it
            larger.reserve(wanted);
            larger.append(text_);
            text_.swap(larger);
        }
        text_.append(piece);
        return true;
    }

    /// Puts another text (a form's JSON) in place of what arrived; false if the budget does not allow it.
    bool replace(std::string text) {
        if (budget_ != nullptr && !hold(*budget_, text.capacity()))
            return false;
        text_ = std::move(text);
        return true;
    }

    const std::string &text() const noexcept { return text_; }

    void reset() noexcept { *this = BufferedBody(); }

private:
    bool hold(BufferBudget &budget, std::size_t bytes) noexcept {
        if (bytes > charged_ && !budget.take(bytes - charged_, bytes))
            return false;
        if (bytes < charged_)
            budget.give_back(charged_ - bytes);
        budget_ = &budget;
        charged_ = bytes;
        return true;
    }
    void swap(BufferedBody &other) noexcept {
        text_.swap(other.text_);
        std::swap(budget_, other.budget_);
        std::swap(charged_, other.charged_);
    }

    std::string text_;
    BufferBudget *budget_ = nullptr;
    std::size_t charged_ = 0;
};

} // namespace msgstatus::receiver
