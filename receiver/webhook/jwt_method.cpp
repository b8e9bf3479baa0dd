// Signed tokens (RFC 7515, RFC 7519): HMACs alone, with the hash of the body among the claims.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text_codec.hpp"
#include "webhook/json_check.hpp"
#include "webhook/method.hpp"

namespace msgstatus::receiver {
namespace {

using Members = std::map<std::string, std::string, std::less<>>;

// Nothing else is an algorithm here: neither `none` nor one with public keys, which would take the secret for one.
constexpr std::array<std::pair<std::string_view, const char *>, 3> algorithms = {
    {{"HS256", "SHA256"}, {"HS384", "SHA384"}, {"HS512", "SHA512"}}};

std::string base64_of_urls(std::string text) {
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text.substr(0, text.find('='));
}

std::string_view claim(const Members &claims, std::string_view name) {
    const auto found = claims.find(name);
    return found == claims.end() ? std::string_view() : found->second;
}

// Returns the members of a part of a token.
std::optional<Members> decode_part(std::string_view part) {
    const std::optional<std::string> json = decode_base64(part, true);
    return json ? json_members(*json) : std::nullopt;
}

class JwtMethod : public Method {
public:
    JwtMethod(const WebhookSettings &settings, const std::vector<std::string> &secrets) : settings_(settings) {
        for (std::size_t i = 0; i < algorithms.size(); ++i) {
            for (const std::string &secret : secrets)
                keys_[i].emplace_back(algorithms[i].second, secret);
        }
    }

    Verdict check(const Evidence &evidence) override {
        std::string_view token = evidence.headers.signature;
        const std::string_view prefix = settings_.prefix;
        if (!prefix.empty() && (!equals_ignoring_case(token.substr(0, prefix.size()), prefix) ||
                                !token.substr(prefix.size()).starts_with(' ')))
            return {.refusal = "the header holds no such token"};
        token = trimmed(token.substr(prefix.size()));
        const std::size_t end = std::min(token.rfind('.'), token.size());
        const std::string_view content = token.substr(0, end);
        std::string_view rest = content;
        const std::string_view head = cut(rest, ".");
        const std::optional<Members> header = decode_part(head);
        if (!header || end == token.size() || rest.empty() || rest.find('.') != std::string_view::npos)
            return {.refusal = "the token is malformed"};
        if (!is_signed(*header, content, token.substr(end + 1)))
            return {.refusal = "wrong signature"};
        const std::optional<Members> claims = decode_part(rest);
        return {.refusal = claims ? problem_of(*claims, evidence) : "the token is malformed"};
    }

private:
    bool is_signed(const Members &header, std::string_view content, std::string_view claimed) {
        const std::string_view named = claim(header, "alg");
        const auto *const algorithm =
            std::find_if(algorithms.begin(), algorithms.end(), [&](const auto &a) { return a.first == named; });
        if (algorithm == algorithms.end() || header.contains("crit"))
            return false;
        bool found = false;
        for (Hmac &key : keys_[static_cast<std::size_t>(algorithm - algorithms.begin())])
            found = equal_in_constant_time(base64_of_urls(key.base64({content})), claimed) || found;
        return found;
    }

    std::string_view problem_of(const Members &claims, const Evidence &evidence) const {
        if (!settings_.issuer.empty() && claim(claims, "iss") != settings_.issuer)
            return "the token is of another issuer";
        const std::string_view when = time_problem_of(claims, evidence.now);
        if (!when.empty())
            return when;
        const auto is_hash_of = [](std::string_view hash, std::string_view text) {
            return equal_in_constant_time(lower_case(hash), sha256_hex(text));
        };
        const bool has_body_hash = claims.contains("payload_hash");
        if (has_body_hash ? !is_hash_of(claim(claims, "payload_hash"), evidence.body) : !evidence.body.empty())
            return has_body_hash ? "the token is for another body" : "the token vouches for no body";
        const auto is_signed_url = [&](const std::string &url) { return is_hash_of(claim(claims, "url_hash"), url); };
        const bool has_url_hash = claims.contains("url_hash");
        if (has_url_hash && std::none_of(evidence.urls.begin(), evidence.urls.end(), is_signed_url))
            return "the token is for another URL";
        return evidence.is_get && !has_url_hash ? "the token vouches for no URL" : "";
    }

    // A token ends when it says so, else when it is older than the tolerance.
    std::string_view time_problem_of(const Members &claims, std::int64_t now) const {
        const auto seconds = static_cast<double>(now);
        const auto off = static_cast<double>(settings_.tolerance);
        std::array<double, 3> times{};
        constexpr std::array<std::string_view, 3> names = {"iat", "nbf", "exp"};
        for (std::size_t i = 0; i < names.size(); ++i) {
            const std::string_view text = claim(claims, names[i]);
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), times[i]);
            const bool is_time = error == std::errc() && end == text.data() + text.size() && std::isfinite(times[i]);
            if (claims.contains(names[i]) && !is_time)
                return "the token is malformed";
        }
        const bool has_end = claims.contains("exp");
        if (settings_.tolerance == 0)
            return {};
        if (!has_end && !claims.contains("iat"))
            return "the token has no time";
        if (std::max(times[0], times[1]) > seconds + off)
            return "the timestamp is in the future";
        return (has_end ? times[2] <= seconds : times[0] < seconds - off) ? "the timestamp is too old" : "";
    }

    const WebhookSettings &settings_;
    std::array<std::vector<Hmac>, algorithms.size()> keys_;
};

} // namespace

std::unique_ptr<Method> make_jwt_method(const WebhookSettings &settings, const std::vector<std::string> &secrets) {
    return std::make_unique<JwtMethod>(settings, secrets);
}

std::string make_jwt(std::string_view secret, std::string_view claims) {
    const std::string content =
        base64_of_urls(encode_base64(R"({"alg":"HS256","typ":"JWT"})")) + "." + base64_of_urls(encode_base64(claims));
    return content + "." + base64_of_urls(Hmac("SHA256", secret).base64({content}));
}

} // namespace msgstatus::receiver
