// HMACs of a text that is made from the body, and everything that methods have in common.

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text_codec.hpp"
#include "webhook/method.hpp"

namespace msgstatus::receiver {
namespace {

class HmacMethod : public Method {
public:
    HmacMethod(const WebhookSettings &settings, const std::vector<std::string> &secrets) : settings_(settings) {
        for (const std::string &secret : secrets)
            keys_.push_back(hmac_of(settings, secret));
    }

    Verdict check(const Evidence &evidence) override {
        ProofHeaders headers = evidence.headers;
        std::vector<std::string> claimed = read_header(headers);
        if (claimed.empty())
            return {.refusal = "the signature header is malformed"};
        const bool has_time = settings_.text.find("{timestamp}") != std::string::npos;
        if (has_time) {
            const std::string_view problem = time_problem(settings_, headers.timestamp, evidence.now);
            if (!problem.empty())
                return {.refusal = problem};
        }
        if ((!settings_.id_header.empty() && headers.id.empty()) ||
            (!settings_.nonce_header.empty() && headers.nonce.empty()))
            return {.refusal = "a header that is signed is missing"};
        const std::string text = signed_text(settings_, headers, evidence.body);
        bool found = false;
        for (Hmac &key : keys_) {
            const std::string right = hmac_text(settings_, key, text);
            for (const std::string &signature : claimed)
                found = equal_in_constant_time(signature, right) || found;
        }
        return {.refusal = found ? "" : "wrong signature"};
    }

private:
    // Returns the signatures of the header, and takes its timestamp out, if it has one.
    std::vector<std::string> read_header(ProofHeaders &headers) const {
        constexpr std::size_t most_signatures = 8;
        std::vector<std::string> signatures;
        for (std::string_view rest = headers.signature; !rest.empty();) {
            std::string_view item = trimmed(cut(rest, settings_.signature_field.empty() ? " " : ","));
            if (!settings_.signature_field.empty()) {
                const std::string_view name = cut(item, "=");
                if (name == settings_.timestamp_field)
                    headers.timestamp = item;
                if (name != settings_.signature_field)
                    continue;
            }
            if (!item.starts_with(settings_.prefix) || item.size() == settings_.prefix.size())
                continue; // of another version
            if (signatures.size() == most_signatures)
                return {};
            item.remove_prefix(settings_.prefix.size());
            signatures.push_back(settings_.encoding == "hex" ? lower_case(item) : std::string(item));
        }
        return signatures;
    }

    const WebhookSettings &settings_;
    std::vector<Hmac> keys_;
};

} // namespace

std::unique_ptr<Method> make_hmac_method(const WebhookSettings &settings, const std::vector<std::string> &secrets) {
    return std::make_unique<HmacMethod>(settings, secrets);
}

std::unique_ptr<Method> make_method(const WebhookSettings &settings, const std::vector<std::string> &secrets) {
    switch (settings.auth) {
    case Auth::hmac:
        return make_hmac_method(settings, secrets);
    case Auth::jwt:
        return make_jwt_method(settings, secrets);
    case Auth::ed25519:
        return make_ed25519_method(settings, secrets);
    case Auth::sns:
        return make_sns_method(settings, secrets);
    case Auth::plivo:
    case Auth::plivo_v2:
        return make_plivo_method(settings, secrets);
    case Auth::vonage_sig:
        return make_vonage_method(settings, secrets);
    default:
        return make_secret_method(settings, secrets);
    }
}

std::string signed_text(const WebhookSettings &settings, const ProofHeaders &headers, std::string_view body) {
    std::string out;
    out.reserve(body.size() + settings.text.size() + headers.id.size() + headers.nonce.size());
    for (std::string_view rest = settings.text; !rest.empty();) {
        out += rest.substr(0, rest.find('{'));
        rest.remove_prefix(std::min(rest.find('{'), rest.size()));
        const std::string_view name = cut(rest, "}");
        if (!name.empty())
            out += name == "{body"        ? body
                   : name == "{timestamp" ? headers.timestamp
                   : name == "{id"        ? headers.id
                                          : headers.nonce;
    }
    return out;
}

std::string_view time_problem(const WebhookSettings &settings, std::string_view text, std::int64_t now) {
    constexpr std::int64_t least_milliseconds = 100'000'000'000; // in seconds, of the year 5138
    std::int64_t time = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
    if (error != std::errc() || end != text.data() + text.size() || time < 0)
        return "the timestamp is missing or malformed";
    time = time >= least_milliseconds ? time / 1000 : time;
    if (settings.tolerance > 0 && (time > now + settings.tolerance || time < now - settings.tolerance))
        return time < now ? "the timestamp is too old" : "the timestamp is in the future";
    return {};
}

const char *digest_name(std::string_view digest) noexcept {
    constexpr std::array<std::pair<std::string_view, const char *>, 4> names = {
        {{"md5", "MD5"}, {"sha1", "SHA1"}, {"sha384", "SHA384"}, {"sha512", "SHA512"}}};
    const auto *const found =
        std::find_if(names.begin(), names.end(), [&](const auto &n) { return n.first == digest; });
    return found == names.end() ? "SHA256" : found->second;
}

Hmac hmac_of(const WebhookSettings &settings, std::string_view secret) {
    if (settings.secret_encoding != "base64")
        return {digest_name(settings.digest), secret};
    secret.remove_prefix(secret.starts_with("whsec_") ? 6 : 0);
    return {digest_name(settings.digest), decode_base64(secret).value_or(std::string(secret))};
}

std::string hmac_text(const WebhookSettings &settings, Hmac &hmac, std::string_view text) {
    return settings.encoding == "hex" ? hmac.hex({text}) : hmac.base64({text});
}

} // namespace msgstatus::receiver
