#include "access/rate_limit.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace msgstatus::receiver {
namespace {

constexpr std::size_t lines = std::size_t{1} << 14;

TokenBucket::duration seconds(double count) noexcept {
    return std::chrono::duration_cast<TokenBucket::duration>(std::chrono::duration<double>(count));
}

// mixed does scatter a number (the finalizer of MurmurHash3).
std::uint64_t mixed(std::uint64_t number) noexcept {
    number = (number ^ number >> 33) * 0xff51afd7ed558ccd;
    number = (number ^ number >> 33) * 0xc4ceb9fe1a85ec53;
    return number ^ number >> 33;
}

} // namespace

TokenBucket::duration TokenBucket::wait(const Rate &rate, time_point now) const noexcept {
    const duration until_full = full_at_ - now;
    const duration until_one = until_full - seconds((rate.burst - 1) / rate.per_second);
    return std::max(until_one, duration::zero());
}

void TokenBucket::take(const Rate &rate, time_point now) noexcept {
    full_at_ = std::max(full_at_, now) + seconds(1 / rate.per_second);
}

AddressBuckets::AddressBuckets() : lines_(lines) {
    std::random_device source;
    seed_ = std::uint64_t{source()} << 32 | source();
}

TokenBucket &AddressBuckets::bucket_of(const Address &address) noexcept {
    const std::uint64_t subscriber = address.subscriber();
    auto &entries = lines_[mixed(subscriber ^ seed_) % lines].entries;
    Entry *fullest = &entries.front();
    for (Entry &entry : entries) {
        if (entry.subscriber == subscriber)
            return entry.bucket;
        if (entry.bucket.full_at() < fullest->bucket.full_at())
            fullest = &entry;
    }
    *fullest = {subscriber, {}};
    return fullest->bucket;
}

RateLimiter::RateLimiter(const Rate &per_address, const Rate &all) : per_address_(per_address), all_(all) {
    if (per_address_.is_limited())
        buckets_.emplace();
}

RateLimiter::Verdict RateLimiter::admit(const Address &address, TokenBucket::time_point now) {
    const auto refuse = [](Limit limit, TokenBucket::duration wait) {
        return Verdict{limit, static_cast<unsigned>(std::ceil(std::chrono::duration<double>(wait).count()))};
    };
    TokenBucket *own = buckets_ ? &buckets_->bucket_of(address) : nullptr;
    if (own != nullptr) {
        if (const auto wait = own->wait(per_address_, now); wait > TokenBucket::duration::zero())
            return refuse(Limit::address, wait);
    }
    if (all_.is_limited()) {
        if (const auto wait = bucket_.wait(all_, now); wait > TokenBucket::duration::zero())
            return refuse(Limit::all, wait);
        bucket_.take(all_, now);
    }
    if (own != nullptr)
        own->take(per_address_, now);
    return {};
}

} // namespace msgstatus::receiver
