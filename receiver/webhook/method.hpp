// How the providers of configured routes prove who they are: a method for each family, with every secret that is valid
// now. What is compared with a secret, or with what a secret makes, is compared in constant time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/webhooks.hpp"
#include "http/request.hpp"
#include "webhook/form.hpp"
#include "webhook/signature.hpp"

namespace msgstatus::receiver {

/// What a webhook brings along to be checked.
struct Evidence {
    const ProofHeaders &headers;
    std::string_view body{};         ///< as received; empty of a GET
    const Form *form = nullptr;      ///< the fields of a form, or of the query of a GET
    std::string_view query{};        ///< as received
    std::vector<std::string> urls{}; ///< how the provider may have written the URL, query included
    bool is_get = false;
    std::int64_t now = 0; ///< seconds since 1970
};

/// What came of it. The texts are literals.
struct Verdict {
    std::string_view refusal{}; ///< why it is none of the provider's; empty: it is
    bool repeat = false;        ///< refused, but right once the settings are: the provider is asked to send it again
    std::string_view notice{};  ///< it is, but for the operator: not to be handed on
    std::string detail{};       ///< for the log: no secret
    std::string covered{};      ///< JSON of what the signature covers, where that is not the whole body
};

/// Method checks webhooks of one route.
class Method {
public:
    virtual ~Method() = default;
    virtual Verdict check(const Evidence &evidence) = 0;
};

/// Returns the method of a route.
/// @param settings  must outlive it
/// @throws std::runtime_error if OpenSSL cannot use a secret
std::unique_ptr<Method> make_method(const WebhookSettings &settings, const std::vector<std::string> &secrets);

// The families, each in a file of its own.
std::unique_ptr<Method> make_hmac_method(const WebhookSettings &settings, const std::vector<std::string> &secrets);
std::unique_ptr<Method> make_jwt_method(const WebhookSettings &settings, const std::vector<std::string> &secrets);
std::unique_ptr<Method> make_ed25519_method(const WebhookSettings &settings, const std::vector<std::string> &keys);
std::unique_ptr<Method> make_sns_method(const WebhookSettings &settings, const std::vector<std::string> &certificates);
std::unique_ptr<Method> make_plivo_method(const WebhookSettings &settings, const std::vector<std::string> &secrets);
std::unique_ptr<Method> make_vonage_method(const WebhookSettings &settings, const std::vector<std::string> &secrets);
std::unique_ptr<Method> make_secret_method(const WebhookSettings &settings, const std::vector<std::string> &secrets);

/// Returns the settings' text with its placeholders filled in.
std::string signed_text(const WebhookSettings &settings, const ProofHeaders &headers, std::string_view body);

/// Returns why a time is none, or too far from now; empty if it is neither.
/// @param text  seconds, or milliseconds, since 1970
std::string_view time_problem(const WebhookSettings &settings, std::string_view text, std::int64_t now);

/// Returns a secret without the settings' prefix in front of it. After a prefix that ends in a letter or digit a blank
/// must come: a secret may begin with the same letters.
std::string_view without_prefix(const WebhookSettings &settings, std::string_view secret);

/// Returns OpenSSL's name for a digest of the settings.
const char *digest_name(std::string_view digest) noexcept;

/// Returns an HMAC's key and its value of a text as the settings want them.
Hmac hmac_of(const WebhookSettings &settings, std::string_view secret);
std::string hmac_text(const WebhookSettings &settings, Hmac &hmac, std::string_view text);

/// Returns a JWT signed with HS256. The claims are JSON.
std::string make_jwt(std::string_view secret, std::string_view claims);

/// Returns what Plivo signs with the nonce after it: the URL with its query sorted, then the sorted fields of a POST.
std::string plivo_text(std::string_view url, const Form &fields, bool is_get);

} // namespace msgstatus::receiver
