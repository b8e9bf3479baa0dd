// The routes of the webhook listener.
#pragma once

#include <array>
#include <functional>
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
#include "webhook/signature.hpp"

namespace msgstatus::receiver {

/// WebhookRoutes checks webhooks (route, method, type, signature, well-formedness) and hands them to the lanes. Nothing
/// of a body is parsed before its signature is right, but a form's fields, which Twilio's signature covers.
class WebhookRoutes : public RequestHandler {
public:
    WebhookRoutes(const Config &config, LanePool &pool, Metrics &metrics);

    /// Checks webhooks against these secrets from now on.
    /// @throws std::runtime_error if OpenSSL fails; the secrets before then stay
    void use_secrets(const Secrets &secrets) { verifiers_ = Verifiers(secrets); }

    std::optional<Answer> check_head(Request &request) override;
    void handle(Request &request, AnswerTo to) override;
    void answered(const Request &request, const Answer &answer, Clock::duration duration) override;

private:
    /// What webhooks are checked against.
    struct Verifiers {
        explicit Verifiers(const Secrets &secrets);

        bool has_secret(Provider provider) const noexcept;

        MetaSignature meta;
        TwilioSignature twilio;
        AisensySignature aisensy;
        std::vector<std::string> verify_tokens; ///< of Meta's handshake
    };

    std::optional<Answer> check_address(const Request &request);
    std::optional<Answer> check_rate(const Request &request);
    bool may_send(const Request &request, Provider provider) const;
    bool verify(const Request &request, Provider provider, const Form *form);
    Answer refuse_signature(const Request &request, Provider provider);
    std::string_view refusal_reason(const Request &request, Provider provider);
    Answer handshake(const Request &request) const;

    const Config &config_;
    LanePool &pool_;
    Metrics &metrics_;
    Verifiers verifiers_;
    RateLimiter rate_limiter_;
    std::array<LogLimiter, 4> signature_log_; ///< one a provider
    LogLimiter address_log_;
    LogLimiter rate_log_;
    LogLimiter refusal_log_;
    LogLimiter unavailable_log_;
};

} // namespace msgstatus::receiver
