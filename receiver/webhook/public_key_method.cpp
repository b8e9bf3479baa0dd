// Signatures by public keys: Ed25519 of a text that is made from the body, and Amazon SNS's within the body.

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/text_codec.hpp"
#include "webhook/json_check.hpp"
#include "webhook/method.hpp"

namespace msgstatus::receiver {
namespace {

struct Free {
    void operator()(EVP_PKEY *key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX *context) const noexcept { EVP_MD_CTX_free(context); }
    void operator()(X509 *certificate) const noexcept { X509_free(certificate); }
    void operator()(BIO *bio) const noexcept { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

const unsigned char *bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

// Returns whether the key signed the text.
// @param digest  null for Ed25519, which has its own
bool verifies(EVP_PKEY *key, const EVP_MD *digest, std::string_view text, std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
    const bool right =
        context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
        EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
    ERR_clear_error(); // TLS would take what is left here for its own
    return right;
}

class Ed25519Method : public Method {
public:
    Ed25519Method(const WebhookSettings &settings, const std::vector<std::string> &keys) : settings_(settings) {
        for (const std::string &key : keys) {
            const std::string raw = decode_base64(key).value_or("");
            keys_.emplace_back(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw), raw.size()));
            if (!keys_.back())
                throw std::runtime_error("webhook " + settings.name + ": OpenSSL cannot use a public key");
        }
    }

    Verdict check(const Evidence &evidence) override {
        const std::optional<std::string> signature = decode_base64(evidence.headers.signature);
        const std::string_view problem = settings_.text.find("{timestamp}") == std::string::npos
                                             ? std::string_view()
                                             : time_problem(settings_, evidence.headers.timestamp, evidence.now);
        if (!signature || !problem.empty())
            return {.refusal = signature ? problem : "the signature header is malformed"};
        const std::string text = signed_text(settings_, evidence.headers, evidence.body);
        const auto signs = [&](const Key &key) { return verifies(key.get(), nullptr, text, *signature); };
        return {.refusal = std::any_of(keys_.begin(), keys_.end(), signs) ? "" : "wrong signature"};
    }

private:
    const WebhookSettings &settings_;
    std::vector<Key> keys_;
};

// Returns whether a URL is https://sns.REGION.amazonaws.com/... (or .com.cn): nothing else is Amazon's, and no user
// information, port or other name may come before or after.
bool is_amazons(std::string_view url) {
    constexpr std::string_view prefix = "https://sns.";
    if (!url.starts_with(prefix))
        return false;
    url.remove_prefix(prefix.size());
    const std::string_view host = cut(url, "/");
    const std::size_t dot = std::min(host.find('.'), host.size());
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return dot > 0 && host.substr(0, dot).find_first_not_of(allowed) == std::string_view::npos &&
           (host.substr(dot) == ".amazonaws.com" || host.substr(dot) == ".amazonaws.com.cn");
}

// Returns the seconds since 1970 of `2026-01-01T12:00:00.000Z` as text, empty if it is no such time.
std::string seconds_of(const std::string &text) {
    std::tm parts{};
    const char *const rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    return rest != nullptr && text.ends_with('Z') ? std::to_string(timegm(&parts)) : "";
}

class SnsMethod : public Method {
public:
    SnsMethod(const WebhookSettings &settings, const std::vector<std::string> &lines) : settings_(settings) {
        std::string pem;
        for (const std::string &line : lines)
            pem += line + "\n";
        const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
        while (X509 *certificate = bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr)
            certificates_.emplace_back(certificate);
        ERR_clear_error();
        if (certificates_.empty() && !lines.empty())
            throw std::runtime_error("webhook " + settings.name + ": no certificate-file holds a certificate in PEM");
    }

    Verdict check(const Evidence &evidence) override {
        const auto members = json_members(evidence.body);
        const auto member = [&](std::string_view name) {
            const auto found = members ? members->find(name) : decltype(members->find(name))();
            return !members || found == members->end() ? std::string() : found->second;
        };
        const std::string type = member("Type");
        const bool is_confirmation = type == "SubscriptionConfirmation" || type == "UnsubscribeConfirmation";
        const std::optional<std::string> signature = decode_base64(member("Signature"));
        if (!members || !signature || signature->empty() || (type != "Notification" && !is_confirmation))
            return {.refusal = "no signed message of SNS; raw message delivery is not signed"};
        const std::string version = member("SignatureVersion");
        if (version != "2" && (version != "1" || settings_.digest == "sha256"))
            return {.refusal = "unknown signature version"};
        const std::string topic = member("TopicArn");
        if (std::find(settings_.topics.begin(), settings_.topics.end(), topic) == settings_.topics.end())
            return {.refusal = "the topic is not listed"};
        const std::string url = member("SigningCertURL");
        if (!is_amazons(url))
            return {.refusal = "the certificate is not at Amazon"};
        const std::string_view problem = time_problem(settings_, seconds_of(member("Timestamp")), evidence.now);
        if (!problem.empty())
            return {.refusal = problem};
        std::string text, covered;
        for (const std::string_view name : is_confirmation ? confirmation_members : notification_members) {
            const bool is_there = members->contains(name);
            if (name.empty() || (!is_there && name == "Subject"))
                continue;
            // Else the same text could be that of other members.
            if (!is_there || (name != "Message" && member(name).find('\n') != std::string::npos))
                return {.refusal = "a signed member is missing, or has several lines"};
            text.append(name).append("\n").append(member(name)).append("\n");
            covered.append(covered.empty() ? "{" : ",")
                .append(json_string(name))
                .append(":")
                .append(json_string(member(name)));
        }
        if (!is_signed(version == "1" ? EVP_sha1() : EVP_sha256(), text, *signature))
            return {.refusal = "wrong signature, or no certificate-file holds its certificate",
                    .repeat = true,
                    .detail = url.substr(0, 200)};
        if (!is_confirmation)
            return {.covered = covered + "}"};
        const std::string where = member("SubscribeURL");
        if (!is_amazons(where))
            return {.refusal = "the URL to confirm is not at Amazon"};
        return {.notice = type == "SubscriptionConfirmation" ? "a subscription waits for confirmation"
                                                             : "a subscription has ended",
                .detail = where};
    }

private:
    using Names = std::array<std::string_view, 7>;
    static constexpr Names notification_members = {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"};
    static constexpr Names confirmation_members = {"Message", "MessageId", "SubscribeURL", "Timestamp",
                                                   "Token",   "TopicArn",  "Type"};

    bool is_signed(const EVP_MD *digest, std::string_view text, std::string_view signature) const {
        return std::any_of(certificates_.begin(), certificates_.end(), [&](const Certificate &certificate) {
            EVP_PKEY *const key = X509_get0_pubkey(certificate.get());
            return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                   X509_cmp_current_time(X509_get0_notAfter(certificate.get())) > 0 &&
                   verifies(key, digest, text, signature);
        });
    }

    const WebhookSettings &settings_;
    std::vector<Certificate> certificates_;
};

} // namespace

std::unique_ptr<Method> make_ed25519_method(const WebhookSettings &settings, const std::vector<std::string> &keys) {
    return std::make_unique<Ed25519Method>(settings, keys);
}

std::unique_ptr<Method> make_sns_method(const WebhookSettings &settings, const std::vector<std::string> &certificates) {
    return std::make_unique<SnsMethod>(settings, certificates);
}

} // namespace msgstatus::receiver
