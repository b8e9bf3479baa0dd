#include "webhook/routes.hpp"

#include <algorithm>

#include "base/text_codec.hpp"
#include "jobs/job.hpp"
#include "webhook/form.hpp"
#include "webhook/json_check.hpp"

namespace msgstatus::receiver {
namespace {

using boost::beast::http::verb;

enum Route : std::uint8_t { other_route, any_route, meta_route, aisensy_route, twilio_route };

constexpr std::array<std::string_view, 5> route_names = {"other", "/webhook", "/webhooks/meta", "/webhooks/aisensy",
                                                         "/webhooks/twilio/status"};

Route find_route(std::string_view path) noexcept {
    for (std::uint8_t route = any_route; route <= twilio_route; ++route) {
        if (path == route_names[route])
            return static_cast<Route>(route);
    }
    return other_route;
}

bool has_handshake(std::uint8_t route) noexcept {
    return route == any_route || route == meta_route;
}

// Returns whether the request is a callback of Twilio's by GET. Meta's handshake carries no signature of Twilio's, so
// on /webhook the header decides between the two.
bool is_twilio_get(const Request &request, std::uint8_t route) noexcept {
    return request.method == verb::get &&
           (route == twilio_route || (route == any_route && !request.twilio_signature.empty()));
}

std::string_view allowed_methods(std::uint8_t route) noexcept {
    if (has_handshake(route))
        return "Allow: GET, HEAD, POST\r\n";
    return route == twilio_route ? "Allow: GET, POST\r\n" : "Allow: POST\r\n";
}

MediaType type_of(const Request &request) noexcept {
    // Without a Content-Type, RFC 9110 (section 8.3) lets the receiver look: all but forms are JSON here.
    return request.has_content_type ? classify_media_type(request.content_type) : MediaType::json;
}

std::optional<Answer> check_type(const Request &request, std::uint8_t route, MediaType type) {
    const bool takes_forms = route == any_route || route == twilio_route;
    if (type == MediaType::other || (type == MediaType::form && !takes_forms))
        return error_answer(415, takes_forms ? "the Content-Type must name JSON or a form, in UTF-8"
                                             : "the Content-Type must name JSON, in UTF-8");
    if (!request.content_encoding.empty() && !equals_ignoring_case(request.content_encoding, "identity"))
        return error_answer(415, "the body must not be compressed: no Content-Encoding but identity",
                            "Accept-Encoding: identity\r\n");
    return std::nullopt;
}

} // namespace

WebhookRoutes::WebhookRoutes(const Config &config, LanePool &pool, Metrics &metrics)
    : config_(config), pool_(pool), metrics_(metrics), meta_(config.secrets.meta_app_secrets),
      twilio_(config.secrets.twilio_auth_tokens, config.secrets.twilio_signing_keys),
      aisensy_(config.secrets.aisensy_secrets), verify_tokens_(config.secrets.meta_verify_tokens),
      rate_limiter_(config.rate_limit_per_address, config.rate_limit) {}

void WebhookRoutes::use_secrets(const Secrets &secrets) {
    MetaSignature meta(secrets.meta_app_secrets);
    TwilioSignature twilio(secrets.twilio_auth_tokens, secrets.twilio_signing_keys);
    AisensySignature aisensy(secrets.aisensy_secrets);
    std::vector<std::string> verify_tokens = secrets.meta_verify_tokens;
    meta_ = std::move(meta);
    twilio_ = std::move(twilio);
    aisensy_ = std::move(aisensy);
    verify_tokens_ = std::move(verify_tokens);
}

std::string_view WebhookRoutes::name_of(Provider provider) noexcept {
    constexpr std::array<std::string_view, 4> names = {"webhook", "meta", "twilio", "aisensy"};
    return names[static_cast<std::size_t>(provider)];
}

std::string_view WebhookRoutes::signature_of(const Request &request, Provider provider) noexcept {
    if (provider == Provider::meta)
        return request.meta_signature;
    return provider == Provider::twilio ? request.twilio_signature : request.aisensy_signature;
}

bool WebhookRoutes::has_secret(Provider provider) const noexcept {
    return (provider == Provider::meta && meta_.has_secret()) ||
           (provider == Provider::twilio && twilio_.has_secret()) ||
           (provider == Provider::aisensy && aisensy_.has_secret());
}

std::optional<Answer> WebhookRoutes::check_head(const Request &request, std::uint8_t &route) {
    route = find_route(request.path());
    if (route == other_route)
        return error_answer(404, "no such route");
    if (std::optional<Answer> refusal = check_address(request, route))
        return refusal;
    if (std::optional<Answer> refusal = check_rate(request))
        return refusal;
    const bool is_get = request.method == verb::get || request.method == verb::head;
    const bool is_callback = is_twilio_get(request, route);
    if (!(request.method == verb::post || is_callback || (is_get && has_handshake(route))))
        return error_answer(405, "method not allowed", allowed_methods(route));
    if (is_get && !is_callback)
        return std::nullopt;
    const MediaType type = is_callback ? MediaType::form : type_of(request);
    if (std::optional<Answer> refusal = is_callback ? std::nullopt : check_type(request, route, type))
        return refusal;
    // Who has no signature at all need not send the body.
    const std::optional<Sender> sender = find_sender(request, route, type);
    if (!sender || (sender->verified_by_signature && signature_of(request, sender->provider).empty()))
        return refuse_signature(request, claimed_provider(request, route));
    return std::nullopt;
}

std::optional<Answer> WebhookRoutes::check_address(const Request &request, std::uint8_t route) {
    const AddressList *allowed = &config_.allow_webhook;
    if (route == meta_route)
        allowed = &config_.allow_meta;
    else if (route == twilio_route)
        allowed = &config_.allow_twilio;
    else if (route == aisensy_route)
        allowed = &config_.allow_aisensy;
    if (allowed->empty() || allowed->contains(request.client))
        return std::nullopt;
    ++metrics_.addresses_refused;
    if (address_log_.admit())
        log(LogLevel::warning, "address refused",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"route", route_names[route]},
             {"suppressed", address_log_.take_suppressed()}});
    return error_answer(403, "requests from your address are not taken here");
}

std::optional<Answer> WebhookRoutes::check_rate(const Request &request) {
    const RateLimiter::Verdict verdict = rate_limiter_.admit(request.client, Clock::now());
    if (verdict.exceeded == RateLimiter::Limit::none)
        return std::nullopt;
    const std::string_view limit = verdict.exceeded == RateLimiter::Limit::address ? "address" : "all";
    ++metrics_.rate_limited[limit];
    if (rate_log_.admit())
        log(LogLevel::warning, "rate limited",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"limit", limit},
             {"suppressed", rate_log_.take_suppressed()}});
    return too_many_answer("too many requests; try again later", verdict.retry_after);
}

WebhookRoutes::Provider WebhookRoutes::claimed_provider(const Request &request, std::uint8_t route) noexcept {
    if (route == meta_route || (route == any_route && !request.meta_signature.empty()))
        return Provider::meta;
    if (route == twilio_route || (route == any_route && !request.twilio_signature.empty()))
        return Provider::twilio;
    if (route == aisensy_route || (route == any_route && !request.aisensy_signature.empty()))
        return Provider::aisensy;
    return Provider::unknown;
}

// Returns who is said to have sent the webhook; nothing if it must be refused whatever its signature.
std::optional<WebhookRoutes::Sender> WebhookRoutes::find_sender(const Request &request, std::uint8_t route,
                                                                MediaType type) const {
    if (request.signature_headers > 1)
        return std::nullopt; // which one should count?
    const Provider provider = claimed_provider(request, route);
    if (provider != Provider::unknown) {
        if (has_secret(provider))
            return Sender{provider, true};
        return config_.allow_unsigned ? std::optional(Sender{provider, false}) : std::nullopt;
    }
    // Without a signature the body may be anyone's who could send such a one; it passes only where one of them has no
    // secret to sign with.
    const bool may_be_unsigned =
        type == MediaType::form
            ? !has_secret(Provider::twilio)
            : !has_secret(Provider::meta) || !has_secret(Provider::twilio) || !has_secret(Provider::aisensy);
    return config_.allow_unsigned && may_be_unsigned ? std::optional(Sender{}) : std::nullopt;
}

std::string_view WebhookRoutes::refusal_reason(const Request &request, Provider provider) {
    if (request.signature_headers > 1)
        return "more than one signature header";
    if (provider != Provider::unknown && !has_secret(provider))
        return "no secret is set for this provider";
    if (request.signature_headers == 0)
        return "no signature header";
    if (provider == Provider::twilio && !twilio_.knows(request.twilio_settings))
        return "unknown signing key or algorithm";
    return "wrong signature";
}

Answer WebhookRoutes::refuse_signature(const Request &request, Provider provider) {
    // Without a secret nothing counts as a provider's failure: the alert is for secrets that no longer fit.
    const bool checked = request.signature_headers <= 1 && has_secret(provider);
    ++metrics_.signature_failures[name_of(checked ? provider : Provider::unknown)];
    LogLimiter &limiter = signature_log_[static_cast<std::size_t>(provider)];
    if (limiter.admit())
        log(LogLevel::warning, "signature refused",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"provider", name_of(provider)},
             {"reason", refusal_reason(request, provider)},
             {"suppressed", limiter.take_suppressed()}});
    return error_answer(401, "the signature is missing or wrong");
}

bool WebhookRoutes::verify(const Request &request, Provider provider, const Form *form) {
    const std::string_view signature = signature_of(request, provider);
    const std::string &body = request.body.text();
    if (provider == Provider::meta)
        return meta_.verify(signature, body);
    if (provider == Provider::aisensy)
        return aisensy_.verify(signature, body);
    const auto verify_url = [&](const std::string &url) {
        return form != nullptr ? twilio_.verify_form(signature, url, *form, request.twilio_settings)
                               : twilio_.verify_body(signature, url, body, request.twilio_settings);
    };
    if (!config_.public_url.empty())
        return verify_url(config_.public_url + request.target);
    return verify_url("https://" + request.host + request.target) ||
           verify_url("http://" + request.host + request.target);
}

void WebhookRoutes::handle(Request &request, std::uint8_t route, AnswerTo to) {
    const bool is_callback = is_twilio_get(request, route);
    if (request.method != verb::post && !is_callback) {
        to.send(handshake(request));
        return;
    }
    const MediaType type = is_callback ? MediaType::form : type_of(request);
    const std::optional<Sender> sender = find_sender(request, route, type);
    std::optional<Form> form;
    if (type == MediaType::form) {
        form = decode_form(is_callback ? request.query() : request.body.text());
        if (!form) {
            to.send(error_answer(400, "the body or query is no well-formed form in UTF-8, or has too many fields"));
            return;
        }
    }
    // The URL of a callback by GET holds its fields, so Twilio signs nothing after it.
    const Form no_fields;
    const Form *signed_fields = is_callback ? &no_fields : form ? &*form : nullptr;
    if (!sender || (sender->verified_by_signature && !verify(request, sender->provider, signed_fields))) {
        to.send(refuse_signature(request, claimed_provider(request, route)));
        return;
    }
    if (form ? form->empty() : !is_json(request.body.text())) {
        to.send(error_answer(400, form ? "the form has no fields" : "the body is no well-formed JSON in UTF-8"));
        return;
    }
    if (form && !request.body.replace(form_to_json(*form))) {
        to.send(unavailable_answer("memory", "too many bodies in memory; try again later"));
        return;
    }
    Job job;
    job.body = std::move(request.body);
    job.received_at = postgres_now();
    job.source = name_of(sender->provider);
    job.request_id = request.id; // which the session needs, too
    job.empty_answer = form || sender->provider == Provider::twilio;
    job.to = std::move(to);
    pool_.submit(std::move(job));
}

Answer WebhookRoutes::handshake(const Request &request) const {
    const std::optional<Form> query = decode_form(request.query());
    const auto parameter = [&](std::string_view name) { return query ? form_value(*query, name) : std::nullopt; };
    const std::optional<std::string_view> token = parameter("hub.verify_token");
    const std::optional<std::string_view> challenge = parameter("hub.challenge");
    bool known = false;
    for (const std::string &expected : verify_tokens_)
        known = (token && equal_in_constant_time(*token, expected)) || known;
    if (!known || !challenge || parameter("hub.mode") != std::string_view("subscribe"))
        return error_answer(403, "the handshake failed");
    Answer answer;
    answer.content_type = "text/plain; charset=utf-8";
    answer.body = *challenge;
    answer.extra_headers = "X-Content-Type-Options: nosniff\r\n"; // the challenge is whatever the client sent
    return answer;
}

void WebhookRoutes::answered(const AnsweredRequest &request) {
    const std::string_view route = route_names[request.route];
    const unsigned status = request.answer.status;
    metrics_.count_request(route, status, std::chrono::duration<double>(request.duration).count());
    if (status == 503) {
        ++metrics_.unavailable[request.answer.reason];
        if (unavailable_log_.admit())
            log(LogLevel::warning, "webhook not taken",
                {{"request_id", request.id},
                 {"reason", request.answer.reason},
                 {"suppressed", unavailable_log_.take_suppressed()}});
    }
    // A mistake in a provider's setup shows in these; 403 is the handshake's, or logged as a refused address, too.
    const bool shows_setup = status == 403 || status == 404 || status == 405 || status == 415;
    if (shows_setup && log_enabled(LogLevel::info) && refusal_log_.admit())
        log(LogLevel::info, "request refused",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"route", route},
             {"status", status},
             {"answer", request.answer.body}, // its texts are fixed, so nothing of the request is logged
             {"suppressed", refusal_log_.take_suppressed()}});
    if (log_enabled(LogLevel::debug))
        log(LogLevel::debug, "answered",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"route", route},
             {"status", status},
             {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(request.duration).count()}});
}

} // namespace msgstatus::receiver
