// The part of WebhookRoutes that serves the routes of the settings' sections.

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/text_codec.hpp"
#include "webhook/routes.hpp"

namespace msgstatus::receiver {
namespace {

using boost::beast::http::verb;

std::string_view plain(boost::beast::string_view text) noexcept {
    return {text.data(), text.size()};
}

// Returns the value of the first of the headers, whose names stand between commas, that is there.
std::string_view header_of(const RequestParser::value_type &head, std::string_view names, bool &ambiguous) {
    std::string_view value;
    std::size_t seen = 0;
    while (!names.empty()) {
        const std::string_view name = trimmed(cut(names, ","));
        const std::size_t count = head.count({name.data(), name.size()});
        seen += count;
        if (count > 0 && value.empty())
            value = plain(head[boost::beast::string_view(name.data(), name.size())]);
    }
    ambiguous = ambiguous || seen > 1;
    return value;
}

} // namespace

std::optional<std::size_t> WebhookRoutes::configured_route(const Request &request) const noexcept {
    return request.route < built_in_routes ? std::nullopt : std::optional(request.route - built_in_routes);
}

void WebhookRoutes::note_headers(const RequestParser::value_type &head, Request &request) {
    const auto found = std::find_if(config_.webhooks.begin(), config_.webhooks.end(),
                                    [&](const WebhookSettings &route) { return route.path == request.path(); });
    if (found == config_.webhooks.end())
        return;
    request.route =
        static_cast<std::uint8_t>(built_in_routes + static_cast<std::size_t>(found - config_.webhooks.begin()));
    ProofHeaders &proof = request.proof;
    proof.signature = header_of(head, found->header, proof.ambiguous);
    proof.timestamp = header_of(head, found->timestamp_header, proof.ambiguous);
    proof.id = header_of(head, found->id_header, proof.ambiguous);
    proof.nonce = header_of(head, found->nonce_header, proof.ambiguous);
    // SNS sends JSON under this name.
    std::string_view type = plain(head[boost::beast::http::field::content_type]);
    const bool has_type = found->auth == Auth::sns && head.count(boost::beast::http::field::content_type) == 1;
    if (has_type && equals_ignoring_case(trimmed(cut(type, ";")), "text/plain"))
        request.media_type = classify_media_type("application/json;" + std::string(type));
}

std::optional<Answer> WebhookRoutes::check_configured(const Request &request) {
    const std::size_t number = *configured_route(request);
    const WebhookSettings &route = config_.webhooks[number];
    const bool is_get = request.method == verb::get && route.takes_get();
    if (request.method != verb::post && !is_get)
        return error_answer(405, "method not allowed", route.takes_get() ? "Allow: GET, POST\r\n" : "Allow: POST\r\n");
    if (std::optional<Answer> refusal = is_get ? std::nullopt : check_type(request, route.body))
        return refusal;
    if (verifiers_.methods[number] == nullptr) {
        if (config_.allow_unsigned)
            return std::nullopt;
        return refuse_configured(request, {.refusal = "no secret is set for this provider"});
    }
    if (request.proof.ambiguous)
        return refuse_configured(request, {.refusal = "more than one signature header"});
    if (route.has_header() && request.proof.signature.empty())
        return refuse_configured(request, {.refusal = "no signature header"});
    return std::nullopt;
}

Evidence WebhookRoutes::evidence_of(const Request &request, const Form *form) const {
    Evidence evidence{.headers = request.proof, .form = form, .query = request.query(), .now = std::time(nullptr)};
    evidence.is_get = request.method == verb::get;
    evidence.body = evidence.is_get ? std::string_view() : request.body.text();
    if (config_.public_url.empty())
        evidence.urls = {"https://" + request.host + request.target, "http://" + request.host + request.target};
    else
        evidence.urls = {config_.public_url + request.target};
    return evidence;
}

void WebhookRoutes::handle_configured(Request &request, AnswerTo to) {
    const std::size_t number = *configured_route(request);
    const WebhookSettings &route = config_.webhooks[number];
    const bool is_get = request.method == verb::get;
    const bool is_form = is_get || request.media_type == MediaType::form;
    std::optional<Form> form;
    if (is_form) {
        form = decode_form(is_get ? request.query() : request.body.text());
        if (!form) {
            to.send(error_answer(400, "the body or query is no well-formed form in UTF-8, or has too many fields"));
            return;
        }
    }
    if (Method *const method = verifiers_.methods[number].get(); method != nullptr) {
        const Verdict verdict = method->check(evidence_of(request, form ? &*form : nullptr));
        if (!verdict.refusal.empty()) {
            to.send(refuse_configured(request, verdict));
            return;
        }
        if (!verdict.notice.empty()) {
            LogLimiter &limiter = configured_[number].notice_log;
            if (limiter.admit())
                log(LogLevel::warning, "notice of a provider",
                    {{"request_id", request.id},
                     {"provider", route.name},
                     {"reason", verdict.notice},
                     {"url", verdict.detail},
                     {"suppressed", limiter.take_suppressed()}});
            to.send(json_answer(R"({"status":"success","processed":0})"));
            return;
        }
        if (!verdict.covered.empty()) {
            form.reset(); // it holds what is not covered, too
            if (!request.body.replace(verdict.covered)) {
                to.send(unavailable_answer("memory", "too many bodies in memory; try again later"));
                return;
            }
        }
    } else if (!config_.allow_unsigned) { // the secret went while the body came
        to.send(refuse_configured(request, {.refusal = "no secret is set for this provider"}));
        return;
    }
    if (form && is_get && route.auth == Auth::query) // the secret is not for the database
        std::erase_if(*form, [&](const auto &field) { return field.first == route.parameter; });
    submit(request, std::move(form), route.source, is_form || route.empty_answer, std::move(to));
}

Answer WebhookRoutes::refuse_configured(const Request &request, const Verdict &verdict) {
    const std::size_t number = *configured_route(request);
    const WebhookSettings &route = config_.webhooks[number];
    // Without a secret nothing counts as a provider's failure: the alert is for secrets that no longer fit.
    const bool checked = !request.proof.ambiguous && verifiers_.methods[number] != nullptr;
    ++metrics_.signature_failures[checked ? std::string_view(route.name) : "webhook"];
    LogLimiter &limiter = configured_[number].refusal_log;
    if (limiter.admit())
        log(LogLevel::warning, "signature refused",
            {{"request_id", request.id},
             {"client", request.client.text()},
             {"provider", route.name},
             {"reason", std::string(verdict.refusal) + (verdict.detail.empty() ? "" : ": ") + verdict.detail},
             {"suppressed", limiter.take_suppressed()}});
    const bool is_unsigned = checked && route.has_header() && request.proof.signature.empty();
    const unsigned status = is_unsigned ? route.unsigned_status : verdict.repeat ? 503 : 401;
    Answer answer = error_answer(status, "the signature is missing or wrong");
    answer.retry_after = answer.status == 503 ? 5 : 0;
    return answer;
}

} // namespace msgstatus::receiver
