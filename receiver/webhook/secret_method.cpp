// Secrets that come with each webhook: in a header, as HTTP Basic, in the query. They vouch for who sent it, not for
// what it says.

#include <cctype>

#include "base/text_codec.hpp"
#include "webhook/method.hpp"

namespace msgstatus::receiver {
namespace {

class SecretMethod : public Method {
public:
    SecretMethod(const WebhookSettings &settings, const std::vector<std::string> &secrets) : settings_(settings) {
        for (const std::string &secret : secrets)
            secrets_.push_back(settings.auth == Auth::basic    ? encode_base64(secret)
                               : settings.auth == Auth::header ? std::string(without_prefix(settings, secret))
                                                               : secret);
    }

    Verdict check(const Evidence &evidence) override {
        std::string_view sent = evidence.headers.signature;
        const Form query = decode_form(evidence.query).value_or(Form());
        if (settings_.auth == Auth::query) {
            std::size_t seen = 0;
            for (const auto &[name, value] : query) {
                if (name == settings_.parameter && ++seen > 0)
                    sent = value;
            }
            if (seen != 1)
                return {.refusal = seen == 0 ? "no secret in the query" : "more than one secret in the query"};
        } else {
            const std::string_view secret = without_prefix(settings_, sent);
            const bool has_prefix = secret.size() < sent.size() || equals_ignoring_case(sent, settings_.prefix);
            if (settings_.auth == Auth::basic && !settings_.prefix.empty() && !has_prefix)
                return {.refusal = "the header is not HTTP Basic"};
            sent = secret;
        }
        bool found = false;
        for (const std::string &secret : secrets_)
            found = equal_in_constant_time(sent, secret) || found;
        return {.refusal = found ? "" : "wrong secret"};
    }

private:
    const WebhookSettings &settings_;
    std::vector<std::string> secrets_;
};

} // namespace

std::string_view without_prefix(const WebhookSettings &settings, std::string_view secret) {
    const std::string_view prefix = settings.prefix;
    if (prefix.empty() || !equals_ignoring_case(secret.substr(0, prefix.size()), prefix))
        return secret;
    const std::string_view rest = secret.substr(prefix.size());
    const bool has_end = rest.starts_with(' ') || std::isalnum(static_cast<unsigned char>(prefix.back())) == 0;
    return has_end && !trimmed(rest).empty() ? trimmed(rest) : secret;
}

std::unique_ptr<Method> make_secret_method(const WebhookSettings &settings, const std::vector<std::string> &secrets) {
    return std::make_unique<SecretMethod>(settings, secrets);
}

} // namespace msgstatus::receiver
