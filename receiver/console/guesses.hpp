// Wrong passwords, and how long the next attempt has to wait.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "access/rate_limit.hpp"
#include "base/net.hpp"

namespace msgstatus::receiver {

/// Guesses slows down those who try passwords: an address, an address at a name, and a name from wherever. The last of
/// these is looser, and does not hold for addresses from which somebody has signed in under the name: nobody can keep
/// a person out by guessing from elsewhere.
class Guesses {
public:
    /// Returns how long an attempt has to wait, zero if it may be made.
    Clock::duration wait(const std::string &role, const Address &client, Clock::time_point now);

    /// Counts an attempt. It counts until it turns out to be no guess, so that many at a time are bounded, too.
    void count(const std::string &role, const Address &client, Clock::time_point now);
    void was_none(const std::string &role, const Address &client);

    /// Notes that somebody has signed in under the name from there.
    void remember(const std::string &role, const Address &client);

private:
    std::uint64_t key_of(const std::string &role) const { return std::hash<std::string>()(role) ^ salt_; }
    std::uint64_t key_of(const std::string &role, const Address &client) const {
        return key_of(role + '\0' + std::to_string(client.subscriber()));
    }
    bool knows(const std::string &role, const Address &client) const;

    AddressBuckets by_address_;
    AddressBuckets by_name_;
    AddressBuckets by_both_;
    std::map<std::string, std::deque<std::uint64_t>> known_; ///< subscribers by role, the last one first
    std::uint64_t salt_ = std::uint64_t{std::random_device()()} << 32 | std::random_device()();
};

} // namespace msgstatus::receiver
