// A growing array in the current memory context. It replaces std::vector, whose destructor longjmp would skip.
#pragma once

#include "postgres/postgres.hpp"

namespace msgstatus {

// Where there are many small ones, `first_capacity` saves memory.
template <typename T, std::size_t first_capacity = 16>
class Vector {
    static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);

public:
    T *begin() { return data_; }
    T *end() { return data_ + size_; }
    const T *begin() const { return data_; }
    const T *end() const { return data_ + size_; }
    T &operator[](std::size_t i) { return data_[i]; }
    const T &operator[](std::size_t i) const { return data_[i]; }
    T &back() { return data_[size_ - 1]; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    // Removes the members from `size` on.
    void truncate(std::size_t size) { size_ = size; }

    void push(const T &value) {
        if (size_ == capacity_)
            grow();
        data_[size_++] = value;
    }

private:
    void grow() {
        capacity_ = capacity_ == 0 ? first_capacity : capacity_ * 2;
        // A webhook of any size that jsonb can hold must fit, so the allocator has no limit of one gigabyte.
        data_ = static_cast<T *>(data_ == nullptr ? MemoryContextAllocHuge(CurrentMemoryContext, capacity_ * sizeof(T))
                                                  : repalloc_huge(data_, capacity_ * sizeof(T)));
    }

    T *data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace msgstatus
