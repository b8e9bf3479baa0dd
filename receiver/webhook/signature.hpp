// Who sent this body? One verifier for each provider; each holds every secret that is valid now, so that secrets can be
// changed without downtime. What is compared is compared in constant time.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

#include "webhook/form.hpp"

namespace msgstatus::receiver {

/// Hmac computes HMACs (RFC 2104) with one key, which stays set up between messages, since that costs more than a short
/// body. Not for use by several threads at a time.
class Hmac {
public:
    /// @param digest  `SHA1`, `SHA256`, ...
    /// @throws std::runtime_error if OpenSSL has no such digest
    Hmac(const char *digest, std::string_view key);

    /// Returns the HMAC of the concatenated parts in lower-case hex digits, or in base64.
    /// @throws std::runtime_error if OpenSSL fails
    std::string hex(std::initializer_list<std::string_view> parts);
    std::string base64(std::initializer_list<std::string_view> parts);

private:
    std::string compute(std::initializer_list<std::string_view> parts);

    struct Free {
        void operator()(EVP_MAC_CTX *context) const noexcept { EVP_MAC_CTX_free(context); }
    };
    std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

/// Returns the plain SHA-256 of the text in lower-case hex digits.
/// @throws std::runtime_error if OpenSSL fails
std::string sha256_hex(std::string_view text);

/// Compares two secrets without showing by the duration where they differ. Only their lengths may show.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// Meta's X-Hub-Signature-256: `sha256=` and the hex HMAC-SHA256 of the raw body, keyed with the app secret.
class MetaSignature {
public:
    explicit MetaSignature(const std::vector<std::string> &secrets);

    bool has_secret() const noexcept { return !keys_.empty(); }

    /// Returns whether the header fits the raw body under any of the secrets.
    bool verify(std::string_view header, std::string_view body);

private:
    std::vector<Hmac> keys_;
};

/// AiSensy's X-AiSensy-Signature: the hex HMAC-SHA256 of the raw body or of the body re-serialised compactly, with or
/// without `sha256=` in front.
class AisensySignature {
public:
    /// The largest body whose compact forms are tried: to make them costs time, before anything proves who asks for it.
    /// AiSensy's webhooks have some 1 to 2 kB.
    static constexpr std::size_t most_reserialised = 16384;

    explicit AisensySignature(const std::vector<std::string> &secrets);

    bool has_secret() const noexcept { return !keys_.empty(); }

    /// Returns whether the header fits the body under any of the secrets.
    bool verify(std::string_view header, std::string_view body);

private:
    std::vector<Hmac> keys_;
};

/// Twilio's X-Twilio-Signature: base64 of the HMAC of the public URL and the parameters. It is an HMAC-SHA1 keyed with
/// the auth token, unless X-Twilio-Webhooks-Signature-Settings, the `settings` below, names an HMAC-SHA256 and its key.
class TwilioSignature {
public:
    /// @param signing_keys  each `name=secret`; several of one name are all valid
    explicit TwilioSignature(const std::vector<std::string> &auth_tokens,
                             const std::vector<std::string> &signing_keys = {});

    bool has_secret() const noexcept { return !keys_.empty() || !signing_keys_.empty(); }

    /// Returns whether there is a key that fits the settings; their key or algorithm may be unknown.
    bool knows(std::string_view settings) { return keys_of(settings) != nullptr; }

    /// Returns whether the header fits the URL and the fields of a form body.
    /// @param url  as configured at Twilio, query included, as encoded; tried with and without its port
    bool verify_form(std::string_view header, std::string_view url, const Form &form, std::string_view settings = {});

    /// Returns whether the header fits the URL, and the body the URL's parameter `bodySHA256`. Without that parameter
    /// nothing vouches for the body, so the answer is no.
    bool verify_body(std::string_view header, std::string_view url, std::string_view body,
                     std::string_view settings = {});

private:
    std::vector<Hmac> *keys_of(std::string_view settings);
    bool verify(std::string_view header, std::string_view url, std::string_view parameters, std::string_view settings);

    std::vector<Hmac> keys_;
    std::map<std::string, std::vector<Hmac>, std::less<>> signing_keys_; ///< by name
};

/// Returns what Twilio hashes after the URL: for each distinct name in sorted order, for each distinct value of it in
/// sorted order, name and value.
std::string twilio_parameters(const Form &form);

/// Returns the ways to write a URL that Twilio may have signed, each once and at most 20: first as it is, then with
/// its query in the encodings in use, each also without the `=` of empty fields. Twilio may sign another encoding than
/// it sends, and its own libraries try several, too.
std::vector<std::string> url_spellings(std::string_view url);

/// Returns the URL without its port if it has one, else with its scheme's own (443 or 80), as Twilio signs some URLs
/// with and some without it.
std::string url_with_other_port(std::string_view url);

} // namespace msgstatus::receiver
