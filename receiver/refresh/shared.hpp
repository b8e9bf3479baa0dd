// What the threads of the program share.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "refresh/config.hpp"
#include "refresh/metrics.hpp"

namespace msgstatus::refresh {

using Clock = std::chrono::steady_clock;

/// What the program can do at present.
enum class State : std::uint8_t {
    running,
    not_configured, ///< no credentials
    refused,        ///< Twilio did not accept them
};

/// Shared holds the state, the credentials and the end of the program; threads wait on it.
class Shared {
public:
    explicit Shared(const Config &config) : config_(config), credentials_(credentials_of(config)) {
        state_ = credentials_.complete() ? State::running : State::not_configured;
    }
    Shared(const Shared &) = delete;
    Shared &operator=(const Shared &) = delete;
    ~Shared() { close(stop_descriptor_); }

    const Config &config() const noexcept { return config_; }
    Metrics &metrics() noexcept { return metrics_; }

    State state() const noexcept { return state_; }
    bool stopped() const noexcept { return stopped_; }

    /// Is readable once the program is to end.
    int stop_descriptor() const noexcept { return stop_descriptor_; }

    Credentials credentials() const {
        const std::lock_guard lock(mutex_);
        return credentials_;
    }

    /// Goes on with other credentials, also after Twilio refused the ones before.
    void use(Credentials credentials) {
        {
            const std::lock_guard lock(mutex_);
            credentials_ = std::move(credentials);
            refused_accounts_.clear();
            state_ = credentials_.complete() ? State::running : State::not_configured;
        }
        changed_.notify_all();
    }

    /// Stops all requests: Twilio refused the credentials.
    /// @return whether that is news
    bool refuse(long status) {
        {
            const std::lock_guard lock(mutex_);
            if (state_ == State::refused)
                return false;
            state_ = State::refused;
            refused_with_ = status;
        }
        changed_.notify_all();
        return true;
    }
    long refused_with() const noexcept { return refused_with_; }

    /// Sends no request to another account for a while: Twilio does not let the credentials in there. Callbacks name
    /// accounts, so that this says nothing about the configured one.
    /// @return whether that is news
    bool refuse_account(const std::string &account, long status) {
        const std::lock_guard lock(mutex_);
        const Clock::time_point now = Clock::now();
        std::erase_if(refused_accounts_, [&](const auto &entry) { return entry.second.until <= now; });
        if (refused_accounts_.size() >= most_refused_accounts && !refused_accounts_.contains(account))
            return false;
        return refused_accounts_.insert_or_assign(account, Refused{status, now + refused_for}).second;
    }

    /// Returns with which status Twilio refused an account a while ago; 0: it did not.
    long account_refused_with(const std::string &account) const {
        const std::lock_guard lock(mutex_);
        const auto found = refused_accounts_.find(account);
        return found == refused_accounts_.end() || found->second.until <= Clock::now() ? 0 : found->second.status;
    }

    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
        }
        eventfd_write(stop_descriptor_, 1);
        changed_.notify_all();
    }

    /// Returns after that time, or as soon as the state is another or the program is to end.
    void wait(std::chrono::milliseconds time, State seen) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, time, [&] { return stopped_ || state_ != seen; });
    }

private:
    struct Refused {
        long status;
        Clock::time_point until;
    };
    static constexpr std::chrono::hours refused_for{1};
    static constexpr std::size_t most_refused_accounts = 10000; // a message of a further one costs a request

    const Config config_;
    Metrics metrics_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Credentials credentials_;
    std::map<std::string, Refused> refused_accounts_;
    std::atomic<State> state_ = State::running;
    std::atomic<long> refused_with_ = 0;
    std::atomic<bool> stopped_ = false;
    const int stop_descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

} // namespace msgstatus::refresh
