#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "base/text_codec.hpp"
#include "commands/commands.hpp"
#include "webhook/form.hpp"
#include "webhook/json_check.hpp"
#include "webhook/method.hpp"
#include "webhook/signature.hpp"

namespace msgstatus::receiver {
namespace {

constexpr const char *json_type = "Content-Type: application/json\n";

const std::string &first_of(const std::vector<std::string> &secrets, const char *name) {
    if (secrets.empty())
        throw ConfigError(std::string(name) + ": must be set as it is for the receiver");
    return secrets.front();
}

std::string hex_signature(const std::string &secret, const std::string &body) {
    return Hmac("SHA256", secret).hex({body}) + "\n";
}

std::string twilio_headers(const Config &config, const std::string &body) {
    if (config.sign_url.empty())
        throw ConfigError("url: must be the URL that Twilio calls, unless public-url is set");
    std::string headers, parameters;
    if (is_json(body)) {
        const std::string hash = "bodySHA256=" + sha256_hex(body);
        if (config.sign_url.find(hash) == std::string::npos)
            throw ConfigError("url: must have " + hash + " in its query, because Twilio signs JSON that way");
        headers = json_type;
    } else if (!body.empty()) { // a callback by GET has no body; its fields are in the URL
        const std::optional<Form> form = decode_form(body);
        if (!form)
            throw std::runtime_error("the body is neither JSON nor a form");
        parameters = twilio_parameters(*form);
        headers = "Content-Type: application/x-www-form-urlencoded\n";
    }
    const char *digest = "SHA1";
    std::string secret;
    if (config.secrets.twilio_auth_tokens.empty() && !config.secrets.twilio_signing_keys.empty()) {
        const std::string &key = config.secrets.twilio_signing_keys.front();
        const std::size_t equals = key.find('=');
        headers += "X-Twilio-Webhooks-Signature-Settings: key=" + key.substr(0, equals) + ",algorithm=HMAC_SHA256\n";
        digest = "SHA256";
        secret = key.substr(equals + 1);
    } else {
        secret = first_of(config.secrets.twilio_auth_tokens, "twilio-auth-token");
    }
    return headers + "X-Twilio-Signature: " + Hmac(digest, secret).base64({config.sign_url, parameters}) + "\n";
}

// Returns the headers of a webhook of a configured route.
// @param url  what a token vouches for where there is no body
std::string configured_headers(const WebhookSettings &route, const std::vector<std::string> &secrets,
                               const std::string &body, const std::string &url) {
    const std::string &secret = first_of(secrets, route.name.c_str());
    const std::string now = std::to_string(std::time(nullptr));
    const std::string id = "sign-" + now;
    std::string_view names = route.header;
    const std::string header(trimmed(cut(names, ",")));
    const std::string space = route.prefix.empty() ? "" : route.prefix + " ";
    const std::string type = is_json(body) ? json_type : "Content-Type: application/x-www-form-urlencoded\n";
    const auto line = [](const std::string &name, const std::string &value) {
        return name.empty() ? "" : name + ": " + value + "\n";
    };
    if (route.auth == Auth::header)
        return type + line(header, space + std::string(without_prefix(route, secret)));
    if (route.auth == Auth::basic)
        return type + line(header, space + encode_base64(secret));
    if (route.auth == Auth::jwt) {
        const std::string hash =
            body.empty() ? R"("url_hash":")" + sha256_hex(url) : R"("payload_hash":")" + sha256_hex(body);
        return type + line(header, space + make_jwt(secret, R"({"iss":)" + json_string(route.issuer) + R"(,"iat":)" +
                                                                now + R"(,"jti":")" + id + R"(",)" + hash + "\"}"));
    }
    if (route.auth != Auth::hmac)
        throw ConfigError("sign: only the provider can sign by the method of " + route.name);
    const ProofHeaders proof{.signature = {}, .timestamp = now, .id = id, .nonce = id};
    Hmac key = hmac_of(route, secret);
    const std::string signature = route.prefix + hmac_text(route, key, signed_text(route, proof, body));
    const std::string fields =
        route.signature_field.empty() ? "" : route.timestamp_field + "=" + now + "," + route.signature_field + "=";
    return type + line(header, fields + signature) + line(route.timestamp_header, now) + line(route.id_header, id) +
           line(route.nonce_header, id);
}

std::string read_body(const std::string &path) {
    std::ifstream file;
    if (path != "-")
        file.open(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read the file " + path);
    return {std::istreambuf_iterator<char>(path == "-" ? std::cin : file), {}};
}

} // namespace

std::string signed_headers(const Config &config, const std::string &body) {
    const Secrets &secrets = config.secrets;
    if (config.sign_provider == "meta")
        return json_type + ("X-Hub-Signature-256: sha256=" +
                            hex_signature(first_of(secrets.meta_app_secrets, "meta-app-secret"), body));
    if (config.sign_provider == "aisensy")
        return json_type +
               ("X-AiSensy-Signature: " + hex_signature(first_of(secrets.aisensy_secrets, "aisensy-secret"), body));
    for (std::size_t i = 0; i < config.webhooks.size(); ++i) {
        if (config.webhooks[i].name == config.sign_provider)
            return configured_headers(config.webhooks[i], secrets.webhooks[i], body, config.sign_url);
    }
    return twilio_headers(config, body);
}

int sign_command(const Config &config) {
    std::fputs(signed_headers(config, read_body(config.sign_file)).c_str(), stdout);
    return 0;
}

} // namespace msgstatus::receiver
