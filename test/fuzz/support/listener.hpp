// The webhook listener without its port and without a database: the real sessions and the real routes, on connections
// that are handed to it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>

#include "database/lane_pool.hpp"
#include "http/server.hpp"
#include "jobs/job.hpp"
#include "support/fuzz.hpp"
#include "support/grammar.hpp"
#include "support/sign.hpp"
#include "webhook/routes.hpp"

namespace msgstatus::fuzz {

// Takes what the lanes would take, and answers as they would: later, and not in the order of the requests. What becomes
// of a webhook depends on nothing but its body.
class LateAnswers : public receiver::Backlog {
public:
    bool takes() const noexcept override { return true; }
    bool has_room() const noexcept override { return true; }

    void keep(receiver::Job &&job) override {
        FUZZ_CHECK(follows_rfc8259(job.body.text()));
        FUZZ_CHECK(!job.source.empty());
        taken_.push_back(job.body.text());
        jobs_.push_back(std::move(job));
    }

    // Answers the kept requests, the last first, and returns whether there were any.
    bool release() {
        std::vector<receiver::Job> jobs = std::exchange(jobs_, {});
        for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
            switch (job->body.text().size() % 3) {
            case 0:
                receiver::answer_committed(*job, 3, 1);
                break;
            case 1:
                receiver::answer_kept(*job);
                break;
            default:
                job->to.send(receiver::unavailable_answer("database", "no database here"));
            }
        }
        return !jobs.empty();
    }

    // taken returns the webhooks since the last call of forget, in the order in which they came.
    const std::vector<std::string> &taken() const noexcept { return taken_; }
    void forget() noexcept { taken_.clear(); }

    bool has_batch() const noexcept override { return false; }
    void take_batch(std::vector<receiver::Job> & /*batch*/) override {}
    void committed(const receiver::Job & /*job*/) override {}
    void failed(const receiver::Job & /*job*/, receiver::Failure /*failure*/) override {}

private:
    std::vector<receiver::Job> jobs_;
    std::vector<std::string> taken_;
};

// The routes, with the statuses of all answers written down.
class WatchedRoutes : public receiver::WebhookRoutes {
public:
    using WebhookRoutes::WebhookRoutes;

    void answered(const receiver::Request &request, const receiver::Answer &answer,
                  receiver::Clock::duration duration) override {
        WebhookRoutes::answered(request, answer, duration);
        statuses_.push_back(answer.status);
    }

    std::vector<unsigned> &statuses() noexcept { return statuses_; }

private:
    std::vector<unsigned> statuses_;
};

class Listener {
public:
    enum Kind { takes_anything, wants_signatures };

    explicit Listener(Kind kind)
        : config_(config_of(kind)), budget_(4096), pool_(context_, {}, metrics_), routes_(config_, pool_, metrics_),
          server_(context_, routes_, budget_, limits()), work_(context_.get_executor()) {
        pool_.use_backlog(late_answers_);
    }

    void begin() {
        routes_.statuses().clear();
        late_answers_.forget();
    }

    // Runs everything that can run without another byte from a client.
    void run() {
        do {
            while (context_.poll() > 0)
                ;
        } while (late_answers_.release());
    }

    receiver::Socket make_socket() { return receiver::Socket(context_.get_executor()); }
    receiver::Server &server() noexcept { return server_; }
    const std::vector<unsigned> &answered() noexcept { return routes_.statuses(); }
    const std::vector<std::string> &taken() const noexcept { return late_answers_.taken(); }
    std::size_t bytes_buffered() const noexcept { return budget_.used(); }

private:
    static receiver::Config config_of(Kind kind) {
        receiver::Config config;
        config.secrets.meta_verify_tokens = {"verify-token"};
        config.public_url = "https://hooks.example.com";
        if (kind == takes_anything) {
            config.allow_unsigned = true;
        } else {
            config.secrets.meta_app_secrets = secrets;
            config.secrets.twilio_auth_tokens = secrets;
            config.secrets.aisensy_secrets = secrets;
        }
        return config;
    }

    // Small ones, so that small inputs meet them; times so long that only Client::stay_silent makes them pass.
    static receiver::HttpLimits limits() {
        constexpr std::chrono::hours long_time(24);
        return {.body_limit = 2048,
                .max_connections = 0, // of those that it would accept itself
                .max_connections_per_address = 0,
                .trusted_proxies = {},
                .tls_handshake_timeout = long_time,
                .header_timeout = long_time,
                .body_timeout = long_time,
                .idle_timeout = long_time,
                .request_timeout = long_time};
    }

    boost::asio::io_context context_{1};
    receiver::Config config_;
    receiver::BufferBudget budget_;
    receiver::Metrics metrics_;
    LateAnswers late_answers_;
    receiver::LanePool pool_; // without a lane
    WatchedRoutes routes_;
    receiver::Server server_;
    boost::asio::executor_work_guard<receiver::Executor> work_;
};

} // namespace msgstatus::fuzz
