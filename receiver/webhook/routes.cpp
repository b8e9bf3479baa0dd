#include "webhook/routes.hpp"

#include <algorithm>
#include <array>

#include "base/text_codec.hpp"
#include "jobs/job.hpp"
#include "webhook/form.hpp"
#include "webhook/json_check.hpp"

namespace msgstatus::receiver {
namespace {

using boost::beast::http::verb;

/// A route: whose webhooks it takes, or anyone's; from which addresses; and by which methods.
struct Route {
    std::string_view path;
    Provider provider;
    AddressList Config::*allowed;
    std::string_view methods;

    bool has_handshake() const noexcept { return provider == Provider::unknown || provider == Provider::meta; }
};
constexpr std::array<Route, built_in_routes> routes = {{
    {"other", Provider::unknown, nullptr, ""},
    {"/webhook", Provider::unknown, &Config::allow_webhook, "Allow: GET, HEAD, POST\r\n"},
    {"/webhooks/meta", Provider::meta, &Config::allow_meta, "Allow: GET, HEAD, POST\r\n"},
    {"/webhooks/aisensy", Provider::aisensy, &Config::allow_aisensy, "Allow: POST\r\n"},
    {"/webhooks/twilio/status", Provider::twilio, &Config::allow_twilio, "Allow: GET, POST\r\n"},
}};

constexpr std::array<std::string_view, 4> provider_names = {"webhook", "meta", "twilio", "aisensy"};

std::string_view name_of(Provider provider) noexcept {
    return provider_names[static_cast<std::size_t>(provider)];
}

// Returns whose webhook the request is: the route says so, or on /webhook the signature header.
Provider claimed_provider(const Request &request, const Route &route) noexcept {
    if (route.provider != Provider::unknown)
        return route.provider;
    for (const Provider provider : {Provider::meta, Provider::twilio, Provider::aisensy}) {
        if (!request.signature_of(provider).empty())
            return provider;
    }
    return Provider::unknown;
}

// Returns the bodies that a provider sends. No signature covers the media type, so Meta's JSON must not pass for one of
// Twilio's forms; of a body without a signature nobody knows.
BodyType body_of(Provider provider) noexcept {
    return provider == Provider::unknown || provider == Provider::twilio ? BodyType::any : BodyType::json;
}

// Returns whether the request is a callback of Twilio's by GET. Meta's handshake carries no signature of Twilio's, so
// on /webhook the header decides between the two.
bool is_twilio_get(const Request &request, const Route &route) noexcept {
    return request.method == verb::get &&
           (route.provider == Provider::twilio ||
            (route.provider == Provider::unknown && !request.signature_of(Provider::twilio).empty()));
}

// Returns the type of what holds the webhook: the body, or the query.
MediaType type_of(const Request &request, const Route &route) noexcept {
    return is_twilio_get(request, route) ? MediaType::form : request.media_type;
}

} // namespace

std::optional<Answer> check_type(const Request &request, BodyType taken) {
    const MediaType type = request.media_type;
    if (type == MediaType::other || (type == MediaType::form && taken == BodyType::json) ||
        (type == MediaType::json && taken == BodyType::form))
        return error_answer(415, taken == BodyType::any    ? "the Content-Type must name JSON or a form, in UTF-8"
                                 : taken == BodyType::json ? "the Content-Type must name JSON, in UTF-8"
                                                           : "the Content-Type must name a form, in UTF-8");
    if (!request.content_encoding.empty() && !equals_ignoring_case(request.content_encoding, "identity"))
        return error_answer(415, "the body must not be compressed: no Content-Encoding but identity",
                            "Accept-Encoding: identity\r\n");
    return std::nullopt;
}

WebhookRoutes::Verifiers::Verifiers(const Config &config, const Secrets &secrets)
    : meta(secrets.meta_app_secrets), twilio(secrets.twilio_auth_tokens, secrets.twilio_signing_keys),
      aisensy(secrets.aisensy_secrets), verify_tokens(secrets.meta_verify_tokens) {
    for (std::size_t i = 0; i < config.webhooks.size(); ++i)
        methods.push_back(secrets.webhooks[i].empty() ? nullptr : make_method(config.webhooks[i], secrets.webhooks[i]));
}

bool WebhookRoutes::Verifiers::has_secret(Provider provider) const noexcept {
    return (provider == Provider::meta && meta.has_secret()) || (provider == Provider::twilio && twilio.has_secret()) ||
           (provider == Provider::aisensy && aisensy.has_secret());
}

WebhookRoutes::WebhookRoutes(const Config &config, LanePool &pool, Metrics &metrics)
    : config_(config), pool_(pool), metrics_(metrics), verifiers_(config, config.secrets),
      rate_limiter_(config.rate_limit_per_address, config.rate_limit), configured_(config.webhooks.size()) {
    for (const WebhookSettings &route : config.webhooks) {
        metrics.signature_failures.try_emplace(route.name);
        metrics.statuses.try_emplace(route.source);
    }
}

std::optional<Answer> WebhookRoutes::check_head(Request &request) {
    if (!configured_route(request)) {
        const auto found = std::find_if(routes.begin() + 1, routes.end(),
                                        [&](const Route &route) { return route.path == request.path(); });
        if (found == routes.end())
            return error_answer(404, "no such route");
        request.route = static_cast<std::uint8_t>(found - routes.begin());
    }
    if (std::optional<Answer> refusal = check_address(request))
        return refusal;
    if (std::optional<Answer> refusal = check_rate(request))
        return refusal;
    if (configured_route(request))
        return check_configured(request);
    const Route &route = routes[request.route];
    const bool is_get = request.method == verb::get || request.method == verb::head;
    const bool is_callback = is_twilio_get(request, route);
    if (request.method != verb::post && !is_callback && !(is_get && route.has_handshake()))
        return error_answer(405, "method not allowed", route.methods);
    if (is_get && !is_callback)
        return std::nullopt;
    const Provider provider = claimed_provider(request, route);
    if (std::optional<Answer> refusal = is_callback ? std::nullopt : check_type(request, body_of(provider)))
        return refusal;
    // Who has no signature at all need not send the body.
    if (!may_send(request, provider) || (verifiers_.has_secret(provider) && request.signature_of(provider).empty()))
        return refuse_signature(request, provider);
    return std::nullopt;
}

std::optional<Answer> WebhookRoutes::check_address(const Request &request) {
    const std::optional<std::size_t> configured = configured_route(request);
    const AddressList &allowed =
        configured ? config_.webhooks[*configured].allowed : config_.*routes[request.route].allowed;
    if (allowed.empty() || allowed.contains(request.client))
        return std::nullopt;
    ++metrics_.addresses_refused;
    if (address_log_.admit())
        log(LogLevel::warning, "address refused",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"route", path_of(request)},
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
    Answer answer = error_answer(429, "too many requests; try again later");
    answer.retry_after = verdict.retry_after;
    return answer;
}

// Returns whether webhooks of this provider are taken, if the signature is right where there is a secret.
bool WebhookRoutes::may_send(const Request &request, Provider provider) const {
    if (request.signature_headers > 1)
        return false; // which one should count?
    if (verifiers_.has_secret(provider))
        return true;
    // An unsigned body could come from any provider that sends this media type. It passes only if at least one of them
    // has no secret to sign with.
    bool may_be_unsigned = provider != Provider::unknown || !verifiers_.has_secret(Provider::twilio);
    if (type_of(request, routes[request.route]) != MediaType::form)
        may_be_unsigned =
            may_be_unsigned || !verifiers_.has_secret(Provider::meta) || !verifiers_.has_secret(Provider::aisensy);
    return config_.allow_unsigned && may_be_unsigned;
}

std::string_view WebhookRoutes::refusal_reason(const Request &request, Provider provider) {
    if (request.signature_headers > 1)
        return "more than one signature header";
    if (provider != Provider::unknown && !verifiers_.has_secret(provider))
        return "no secret is set for this provider";
    if (request.signature_headers == 0)
        return "no signature header";
    if (provider == Provider::twilio && !verifiers_.twilio.knows(request.twilio_settings))
        return "unknown signing key or algorithm";
    return "wrong signature";
}

Answer WebhookRoutes::refuse_signature(const Request &request, Provider provider) {
    // Without a secret nothing counts as a provider's failure: the alert is for secrets that no longer fit.
    const bool checked = request.signature_headers <= 1 && verifiers_.has_secret(provider);
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
    const std::string_view signature = request.signature_of(provider);
    const std::string &body = request.body.text();
    if (provider == Provider::meta)
        return verifiers_.meta.verify(signature, body);
    if (provider == Provider::aisensy)
        return verifiers_.aisensy.verify(signature, body);
    TwilioSignature &twilio = verifiers_.twilio;
    const auto verify_url = [&](const std::string &url) {
        return form != nullptr ? twilio.verify_form(signature, url, *form, request.twilio_settings)
                               : twilio.verify_body(signature, url, body, request.twilio_settings);
    };
    if (!config_.public_url.empty())
        return verify_url(config_.public_url + request.target);
    return verify_url("https://" + request.host + request.target) ||
           verify_url("http://" + request.host + request.target);
}

void WebhookRoutes::handle(Request &request, AnswerTo to) {
    if (configured_route(request)) {
        handle_configured(request, std::move(to));
        return;
    }
    const Route &route = routes[request.route];
    const bool is_callback = is_twilio_get(request, route);
    if (request.method != verb::post && !is_callback) {
        to.send(handshake(request));
        return;
    }
    const Provider provider = claimed_provider(request, route);
    std::optional<Form> form;
    if (type_of(request, route) == MediaType::form) {
        form = decode_form(is_callback ? request.query() : request.body.text());
        if (!form) {
            to.send(error_answer(400, "the body or query is no well-formed form in UTF-8, or has too many fields"));
            return;
        }
    }
    // The URL of a callback by GET holds its fields, so Twilio signs nothing after it.
    const Form no_fields;
    const Form *signed_fields = is_callback ? &no_fields : form ? &*form : nullptr;
    if (!may_send(request, provider) ||
        (verifiers_.has_secret(provider) && !verify(request, provider, signed_fields))) {
        to.send(refuse_signature(request, provider));
        return;
    }
    const bool empty_answer = form || provider == Provider::twilio;
    submit(request, std::move(form), name_of(provider), empty_answer, std::move(to));
}

// Hands a webhook whose sender is known to the lanes.
void WebhookRoutes::submit(Request &request, std::optional<Form> form, std::string_view source, bool empty_answer,
                           AnswerTo to) {
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
    job.source = source;
    job.request_id = request.id; // which the session needs, too
    job.empty_answer = empty_answer;
    job.to = std::move(to);
    pool_.submit(std::move(job));
}

std::string_view WebhookRoutes::path_of(const Request &request) const noexcept {
    const std::optional<std::size_t> configured = configured_route(request);
    return configured ? std::string_view(config_.webhooks[*configured].path) : routes[request.route].path;
}

Answer WebhookRoutes::handshake(const Request &request) const {
    const std::optional<Form> query = decode_form(request.query());
    const auto parameter = [&](std::string_view name) { return query ? form_value(*query, name) : std::nullopt; };
    const std::optional<std::string_view> token = parameter("hub.verify_token");
    const std::optional<std::string_view> challenge = parameter("hub.challenge");
    bool known = false;
    for (const std::string &expected : verifiers_.verify_tokens)
        known = (token && equal_in_constant_time(*token, expected)) || known;
    if (!known || !challenge || parameter("hub.mode") != std::string_view("subscribe"))
        return error_answer(403, "the handshake failed");
    Answer answer;
    answer.content_type = "text/plain; charset=utf-8";
    answer.body = *challenge;
    answer.extra_headers = "X-Content-Type-Options: nosniff\r\n"; // the challenge is whatever the client sent
    return answer;
}

void WebhookRoutes::answered(const Request &request, const Answer &answer, Clock::duration duration) {
    const std::string_view route = path_of(request);
    const unsigned status = answer.status;
    metrics_.count_request(route, status, std::chrono::duration<double>(duration).count());
    if (status == 503 && !answer.reason.empty()) {
        ++metrics_.unavailable[answer.reason];
        if (unavailable_log_.admit())
            log(LogLevel::warning, "webhook not taken",
                {{"request_id", request.id},
                 {"reason", answer.reason},
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
             {"answer", answer.body}, // its texts are fixed, so nothing of the request is logged
             {"suppressed", refusal_log_.take_suppressed()}});
    if (log_enabled(LogLevel::debug))
        log(LogLevel::debug, "answered",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"route", route},
             {"status", status},
             {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()}});
}

} // namespace msgstatus::receiver
