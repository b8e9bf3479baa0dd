// How often requests may come: token buckets.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
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

    /// Returns how long it takes until there is a token; zero if there is one.
    duration wait(const Rate &rate, time_point now) const noexcept {
        return std::max(full_at_ - now - seconds((rate.burst - 1) / rate.per_second), duration::zero());
    }

    /// Takes a token, also where there is none.
    void take(const Rate &rate, time_point now) noexcept {
        full_at_ = std::max(full_at_, now) + seconds(1 / rate.per_second);
    }

    /// Puts a token back that was taken.
    void give_back(const Rate &rate) noexcept { full_at_ -= seconds(1 / rate.per_second); }

    /// Returns when all tokens will be back.
    time_point full_at() const noexcept { return full_at_; }

private:
    static duration seconds(double count) noexcept {
        return std::chrono::duration_cast<duration>(std::chrono::duration<double>(count));
    }

    time_point full_at_{};
};

/// AddressBuckets keeps a bucket for each subscriber (see Address) that came of late. Memory and cost are the same
/// whatever comes: 1 MB, and one cache line a request. A bucket that finds no room takes the place of the fullest of
/// the four in its line, whose subscriber then starts anew with a full one.
class AddressBuckets {
public:
    TokenBucket &bucket_of(const Address &address) { return bucket_of(address.subscriber()); }
    TokenBucket &bucket_of(std::uint64_t subscriber) {
        auto &entries = lines_[subscriber * multiplier_ >> (64 - line_bits)].entries;
        const auto known = std::find_if(entries.begin(), entries.end(),
                                        [&](const Entry &entry) { return entry.subscriber == subscriber; });
        if (known != entries.end())
            return known->bucket;
        const auto fullest = std::min_element(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
            return a.bucket.full_at() < b.bucket.full_at();
        });
        *fullest = {subscriber, {}};
        return fullest->bucket;
    }

private:
    static constexpr int line_bits = 14;
    struct Entry {
        std::uint64_t subscriber = 0;
        TokenBucket bucket;
    };
    struct alignas(64) Line {
        std::array<Entry, 4> entries;
    };

    std::vector<Line> lines_ = std::vector<Line>(std::size_t{1} << line_bits);
    /// Odd and at random, so that nobody can choose addresses that share a line (multiply-shift hashing).
    std::uint64_t multiplier_ = (std::uint64_t{std::random_device()()} << 32 | std::random_device()()) | 1;
};

/// RateLimiter decides whether a request may pass now.
class RateLimiter {
public:
    enum class Limit : std::uint8_t { none, address, all };
    struct Verdict {
        Limit exceeded = Limit::none;
        unsigned retry_after = 0; ///< seconds, rounded up; at least 1 where a limit is exceeded
    };

    /// @param per_address  of one subscriber
    /// @param all  of all together
    RateLimiter(const Rate &per_address, const Rate &all) : per_address_(per_address), all_(all) {
        if (per_address_.is_limited())
            buckets_.emplace();
    }

    /// Takes a token of either bucket if both have one, else none of any.
    Verdict admit(const Address &address, TokenBucket::time_point now) {
        TokenBucket *own = buckets_ ? &buckets_->bucket_of(address) : nullptr;
        if (own != nullptr && own->wait(per_address_, now) > TokenBucket::duration::zero())
            return refuse(Limit::address, own->wait(per_address_, now));
        if (all_.is_limited() && bucket_.wait(all_, now) > TokenBucket::duration::zero())
            return refuse(Limit::all, bucket_.wait(all_, now));
        if (own != nullptr)
            own->take(per_address_, now);
        if (all_.is_limited())
            bucket_.take(all_, now);
        return {};
    }

private:
    static Verdict refuse(Limit limit, TokenBucket::duration wait) {
        return {limit, static_cast<unsigned>(std::ceil(std::chrono::duration<double>(wait).count()))};
    }

    Rate per_address_;
    Rate all_;
    std::optional<AddressBuckets> buckets_; ///< only with a limit for addresses
    TokenBucket bucket_;
};

} // namespace msgstatus::receiver
