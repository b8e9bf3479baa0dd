// Routes for further providers: the sections `[webhook NAME]` of the settings, and what known names need not say.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/address.hpp"
#include "config/program.hpp"

namespace msgstatus::receiver {

/// How a provider proves that a webhook is its own.
enum class Auth : std::uint8_t {
    hmac,       ///< of a text made from the body
    jwt,        ///< a signed token with the hash of the body
    ed25519,    ///< a signature of a text made from the body
    sns,        ///< Amazon's signature within the body
    plivo,      ///< Plivo's signature V3 of URL and parameters
    plivo_v2,   ///< Plivo's signature V2, of the URL alone
    vonage_sig, ///< Vonage's parameter `sig`
    header,     ///< a header that is a secret
    basic,      ///< HTTP Basic
    query,      ///< a parameter of the query that is a secret
};

/// What the bodies of a route are.
enum class BodyType : std::uint8_t { json, form, any };

/// A section `[webhook NAME]`: the route /webhooks/NAME.
struct WebhookSettings {
    std::string name;
    std::string path;
    std::string source; ///< the provider, for the database
    Auth auth = Auth::hmac;
    std::string header;          ///< that holds the signature; several names between commas: whichever is there
    std::string prefix;          ///< in front of the signature, or of the secret
    std::string signature_field; ///< where the header is `t=...,s=...`
    std::string timestamp_field;
    std::string timestamp_header;
    std::string id_header;
    std::string nonce_header;
    std::string digest = "sha256";
    std::string encoding = "hex";
    std::string secret_encoding = "text";
    std::string text = "{body}";    ///< what is signed
    BodyType body = BodyType::json; ///< what it is that comes
    std::int64_t tolerance = 300;   ///< seconds that its time may be off; 0: any time will do
    std::string issuer;             ///< of a JWT; empty: anyone
    std::string parameter = "token";
    std::vector<std::string> topics; ///< of SNS
    AddressList allowed;             ///< empty: everyone
    unsigned unsigned_status = 401;  ///< to what has no signature at all
    bool empty_answer = false;       ///< success is an empty 204
    std::vector<std::string> secret_files;
    std::string secret;        ///< of the environment
    std::string secret_origin; ///< its variable

    /// Returns whether the proof is in a header, so that a webhook without it need not be read.
    bool has_header() const noexcept { return auth != Auth::sns && auth != Auth::vonage_sig && auth != Auth::query; }

    /// Returns whether webhooks may come by GET: where the proof covers the query, or covers nothing.
    bool takes_get() const noexcept { return auth != Auth::hmac && auth != Auth::ed25519 && auth != Auth::sns; }
};

/// The names of the settings that a section may have.
std::span<const std::string_view> webhook_setting_names();

/// Returns the routes that sections and variables describe, in the order of their names.
/// @throws ConfigError
std::vector<WebhookSettings> webhook_settings(const AllGiven &given);

/// Returns the secrets of each route, read now from their files, or from the environment.
/// @throws ConfigError
std::vector<std::vector<std::string>> webhook_secrets(const std::vector<WebhookSettings> &routes);

} // namespace msgstatus::receiver
