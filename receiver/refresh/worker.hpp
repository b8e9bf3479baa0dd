// One thread that claims messages, asks Twilio, and has the answers applied.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "observe/log.hpp"
#include "refresh/database.hpp"
#include "refresh/messages.hpp"
#include "refresh/shared.hpp"
#include "refresh/twilio.hpp"

namespace msgstatus::refresh {

class Worker {
public:
    /// @param name  in the database, of all threads of the program
    /// @param compares  whether this is the thread that compares lists
    Worker(Shared &shared, std::string name, bool compares);

    /// Works until the program is to end; with `once` until nothing is due.
    void run();

    /// Returns whether all went well, with `once`.
    bool succeeded() const noexcept { return !failed_; }

private:
    struct Claim {
        std::string message;
        std::string number;
        std::size_t attempts = 0;
        std::string account;
        std::string day; ///< of its creation, UTC; empty if it is unknown
        bool done = false;
    };
    /// A comparison with Twilio's lists that is under way.
    struct Comparison {
        std::string id;
        std::string day;                   ///< since which messages were sent
        std::vector<std::string> accounts; ///< to be compared, the present one first
        std::string path{};
        std::string error{}; ///< of the first account whose list could not be read
        std::size_t failures = 0;
        Clock::time_point next{};
    };

    bool work();
    bool begin_comparison();
    void compare_page();
    void end_account(const std::string &error);
    void end_comparison(const std::string &error);
    std::vector<Claim> claim();
    void fetch_all(std::vector<Claim> &claims);
    void list_many(std::vector<Claim> &claims, Clock::time_point until);
    void fetch_one(Claim &claim);
    void apply(Claim &claim, const std::string &body);
    std::vector<bool> apply_page(const Page &page, std::size_t &discovered);
    void finish(Claim &claim, const char *outcome, const std::string &error = "", std::chrono::milliseconds pause = {});
    void retry(Claim &claim, const Answer &answer);
    void release(std::vector<Claim> &claims);
    bool reserve(Clock::time_point until);
    void note(const Answer &answer, const std::string &account);
    bool give_up_refused(Claim &claim);
    void finish_refused(Claim &claim, long status);
    void give_way(const Answer &answer);
    std::chrono::milliseconds backoff(std::size_t attempts);
    std::chrono::milliseconds until_due();
    bool may_go_on() const noexcept { return !shared_.stopped() && shared_.state() == State::running; }

    Shared &shared_;
    const Config &config_;
    std::string name_;
    bool compares_;
    Database database_;
    Twilio twilio_;
    std::optional<Comparison> comparison_;
    Clock::time_point next_comparison_{};
    Clock::time_point next_start_{}; ///< of a pause that is longer than a lease
    std::mt19937_64 random_{std::random_device()()};
    receiver::LogLimiter failure_log_;
    receiver::LogLimiter refusal_log_; ///< of accounts
    bool failed_ = false;
};

} // namespace msgstatus::refresh
