// What the threads of the program share.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
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
    const Config config_;
    Metrics metrics_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Credentials credentials_;
    std::atomic<State> state_ = State::running;
    std::atomic<long> refused_with_ = 0;
    std::atomic<bool> stopped_ = false;
    const int stop_descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

} // namespace msgstatus::refresh
