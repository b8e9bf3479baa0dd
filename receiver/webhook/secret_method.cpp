// Secrets that come with each webhook: in a header, as HTTP Basic, in the query. They vouch for who sent it, not for
// what it says.

#include "base/text_codec.hpp"
#include "webhook/method.hpp"

namespace msgstatus::receiver {
namespace {

class SecretMethod : public Method {
public:
    SecretMethod(const WebhookSettings &settings, const std::vector<std::string> &secrets)
        : settings_(settings), secrets_(secrets) {
        if (settings.auth == Auth::basic) {
            for (std::string &secret : secrets_)
                secret = encode_base64(secret);
        }
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
        } else if (equals_ignoring_case(sent.substr(0, settings_.prefix.size()), settings_.prefix)) {
            sent = trimmed(sent.substr(settings_.prefix.size()));
        } else if (settings_.auth == Auth::basic) {
            return {.refusal = "the header is not HTTP Basic"};
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

std::unique_ptr<Method> make_secret_method(const WebhookSettings &settings, const std::vector<std::string> &secrets) {
    return std::make_unique<SecretMethod>(settings, secrets);
}

} // namespace msgstatus::receiver
