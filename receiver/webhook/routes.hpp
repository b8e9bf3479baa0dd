// The routes of the webhook listener.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/rate_limit.hpp"
#include "config/config.hpp"
#include "database/lane_pool.hpp"
#include "http/request.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "webhook/method.hpp"
#include "webhook/signature.hpp"

namespace msgstatus::receiver {

/// The numbers of routes (Request::route) from here on are those of Config::webhooks.
inline constexpr std::size_t built_in_routes = 5;

/// Returns the refusal of a body of a type that is not taken, or that is compressed.
std::optional<Answer> check_type(const Request &request, BodyType taken);

/// WebhookRoutes checks webhooks (route, method, type, signature, well-formedness) and hands them to the lanes. Nothing
/// of a body is parsed before its signature is right, but a form's fields, which Twilio's signature covers, and what
/// holds its signature itself (SNS).
class WebhookRoutes : public RequestHandler {
public:
    WebhookRoutes(const Config &config, LanePool &pool, Metrics &metrics);

    /// Checks webhooks against these secrets from now on.
    /// @throws std::runtime_error if OpenSSL fails; the secrets before then stay
    void use_secrets(const Secrets &secrets) { verifiers_ = Verifiers(config_, secrets); }

    void note_headers(const RequestParser::value_type &head, Request &request) override;
    std::optional<Answer> check_head(Request &request) override;
    void handle(Request &request, AnswerTo to) override;
    void answered(const Request &request, const Answer &answer, Clock::duration duration) override;

private:
    /// What webhooks are checked against.
    struct Verifiers {
        Verifiers(const Config &config, const Secrets &secrets);

        bool has_secret(Provider provider) const noexcept;

        MetaSignature meta;
        TwilioSignature twilio;
        AisensySignature aisensy;
        std::vector<std::string> verify_tokens;       ///< of Meta's handshake
        std::vector<std::unique_ptr<Method>> methods; ///< of Config::webhooks, in their order; null without a secret
    };

    /// What a configured route has besides its settings.
    struct ConfiguredRoute {
        LogLimiter refusal_log;
        LogLimiter notice_log;
    };

    std::optional<Answer> check_address(const Request &request);
    std::optional<Answer> check_rate(const Request &request);
    bool may_send(const Request &request, Provider provider) const;
    bool verify(const Request &request, Provider provider, const Form *form);
    Answer refuse_signature(const Request &request, Provider provider);
    std::string_view refusal_reason(const Request &request, Provider provider);
    Answer handshake(const Request &request) const;
    void submit(Request &request, std::optional<Form> form, std::string_view source, bool empty_answer, AnswerTo to);

    // Of configured routes.
    std::optional<std::size_t> configured_route(const Request &request) const noexcept;
    std::string_view path_of(const Request &request) const noexcept;
    std::optional<Answer> check_configured(const Request &request);
    void handle_configured(Request &request, AnswerTo to);
    Evidence evidence_of(const Request &request, const Form *form) const;
    Answer refuse_configured(const Request &request, const Verdict &verdict);

    const Config &config_;
    LanePool &pool_;
    Metrics &metrics_;
    Verifiers verifiers_;
    RateLimiter rate_limiter_;
    std::array<LogLimiter, 4> signature_log_; ///< one a provider
    std::vector<ConfiguredRoute> configured_; ///< of Config::webhooks, in their order
    LogLimiter address_log_;
    LogLimiter rate_log_;
    LogLimiter refusal_log_;
    LogLimiter unavailable_log_;
};

} // namespace msgstatus::receiver
