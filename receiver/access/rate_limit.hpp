// How often requests may come: token buckets.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "access/address.hpp"

namespace msgstatus::receiver {

/// A limit: so many requests a second in the long run, so many at once.
struct Rate {
    double per_second = 0; ///< 0: no limit
    double burst = 0;      ///< at least 1

    bool is_limited() const noexcept { return per_second > 0; }
};

/// A token bucket: `burst` tokens at most, `per_second` more a second, one for each request. It is kept as the time at
/// which it will be full again, which says the same in one number (the generic cell rate algorithm).
class TokenBucket {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using duration = std::chrono::steady_clock::duration;

    /// wait does return how long it takes until there is a token; zero if there is one.
    duration wait(const Rate &rate, time_point now) const noexcept;

    /// take does take a token, also where there is none.
    void take(const Rate &rate, time_point now) noexcept;

    /// full_at does tell when all tokens will be back.
    time_point full_at() const noexcept { return full_at_; }

private:
    time_point full_at_{};
};

/// AddressBuckets does keep a bucket for each subscriber (see Address) that came of late. Memory and cost are the same
/// whatever comes: 1 MB, and one cache line a request. A bucket that finds no room takes the place of the fullest of
/// the four in its line, whose subscriber then starts anew with a full one.
class AddressBuckets {
public:
    AddressBuckets();

    TokenBucket &bucket_of(const Address &address) noexcept;

private:
    struct Entry {
        std::uint64_t subscriber = 0;
        TokenBucket bucket;
    };
    static constexpr std::size_t entries_a_line = 4;
    struct alignas(64) Line {
        std::array<Entry, entries_a_line> entries;
    };

    std::vector<Line> lines_;
    std::uint64_t seed_; ///< so that nobody can choose addresses that share a line
};

/// RateLimiter does tell whether a request may pass now.
class RateLimiter {
public:
    enum class Limit : std::uint8_t { none, address, all };
    struct Verdict {
        Limit exceeded = Limit::none;
        unsigned retry_after = 0; ///< seconds, rounded up; at least 1 where a limit is exceeded
    };

    /// @param per_address  of one subscriber
    /// @param all  of all together
    RateLimiter(const Rate &per_address, const Rate &all);

    /// admit does take a token of either bucket if both have one, else none of any.
    Verdict admit(const Address &address, TokenBucket::time_point now);

private:
    Rate per_address_;
    Rate all_;
    std::optional<AddressBuckets> buckets_; ///< only with a limit for addresses
    TokenBucket bucket_;
};

} // namespace msgstatus::receiver
