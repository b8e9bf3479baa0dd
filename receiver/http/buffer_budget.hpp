// A bound on the bytes of bodies in memory, whatever the number of connections.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace msgstatus::receiver {

/// BufferBudget does count the bytes of bodies that are arriving, waiting or in flight.
class BufferBudget {
public:
    explicit BufferBudget(std::size_t limit) : limit_(limit) {}

    /// take does reserve bytes; false if there are not so many left.
    bool take(std::size_t bytes) noexcept {
        if (bytes > limit_ - used_)
            return false;
        used_ += bytes;
        return true;
    }
    void give_back(std::size_t bytes) noexcept { used_ -= bytes; }
    std::size_t used() const noexcept { return used_; }

private:
    std::size_t limit_;
    std::size_t used_ = 0;
};

/// BufferedBody is the text of a body and its share of the budget, which it gives back when it goes.
class BufferedBody {
public:
    BufferedBody() = default;
    BufferedBody(BufferedBody &&other) noexcept
        : text_(std::move(other.text_)), budget_(std::exchange(other.budget_, nullptr)),
          charged_(std::exchange(other.charged_, 0)) {
        other.text_.clear();
    }
    BufferedBody &operator=(BufferedBody &&other) noexcept {
        if (this != &other) {
            reset();
            text_.swap(other.text_);
            budget_ = std::exchange(other.budget_, nullptr);
            charged_ = std::exchange(other.charged_, 0);
        }
        return *this;
    }
    BufferedBody(const BufferedBody &) = delete;
    BufferedBody &operator=(const BufferedBody &) = delete;
    ~BufferedBody() { reset(); }

    /// append does add a piece that arrived; false if the budget does not allow it.
    bool append(BufferBudget &budget, std::string_view piece) {
        if (!budget.take(piece.size()))
            return false;
        budget_ = &budget;
        charged_ += piece.size();
        text_.append(piece);
        return true;
    }

    /// replace does put another text (a form's JSON) in place of what arrived; the charge stays.
    void replace(std::string text) noexcept { text_ = std::move(text); }

    /// reserve does make room for a body whose length is known.
    void reserve(std::size_t bytes) { text_.reserve(bytes); }

    const std::string &text() const noexcept { return text_; }

    void reset() noexcept {
        text_.clear();
        if (budget_ != nullptr)
            budget_->give_back(charged_);
        budget_ = nullptr;
        charged_ = 0;
    }

private:
    std::string text_;
    BufferBudget *budget_ = nullptr;
    std::size_t charged_ = 0;
};

} // namespace msgstatus::receiver
