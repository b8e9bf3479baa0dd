#include "webhook/signature.hpp"

#include <algorithm>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "base/text_codec.hpp"
#include "webhook/json_check.hpp"

namespace msgstatus::receiver {
namespace {

const unsigned char *bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

std::vector<Hmac> hmac_keys(DigestKind kind, const std::vector<std::string> &secrets) {
    std::vector<Hmac> keys;
    for (const std::string &secret : secrets)
        keys.emplace_back(kind, secret);
    return keys;
}

// Returns whether the HMAC of the concatenated parts under any of the keys is the one claimed.
bool any_key_signs(std::vector<Hmac> &keys, std::span<const unsigned char> claimed,
                   std::initializer_list<std::string_view> parts) {
    bool found = false;
    for (Hmac &key : keys)
        found = equal_in_constant_time(key.compute(parts).span(), claimed) || found;
    return found;
}

// How a query is encoded that was decoded before: like encodeURIComponent (querystring.stringify), the same after a URL
// parser has encoded its apostrophes, like URLSearchParams, like RFC 3986; and with everything left as it is that may
// stand in a query, with apostrophes and without.
struct QueryEncoding {
    std::string_view kept; // besides letters and digits
    std::string_view space;
};
constexpr std::array<QueryEncoding, 6> query_encodings = {{{"-_.!~*'()", "%20"},
                                                           {"-_.!~*()", "%20"},
                                                           {"*-._", "+"},
                                                           {"-._~", "%20"},
                                                           {"-_.!~*'()@:/?$,;", "%20"},
                                                           {"-_.!~*()@:/?$,;", "%20"}}};

void append_encoded(std::string_view text, const QueryEncoding &encoding, std::string &out) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            encoding.kept.find(c) != std::string_view::npos)
            out += c;
        else if (c == ' ')
            out += encoding.space;
        else
            out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
}

// Returns the URL as a parser of the WHATWG's URL standard writes it: escapes stay, and what may not stand in a query
// is encoded (section 4.1, the special-query percent-encode set).
std::string as_parsed(std::string_view url, std::size_t question) {
    std::string out(url.substr(0, question));
    for (const char c : url.substr(question)) {
        constexpr std::string_view encoded = "\"#<>'";
        if (c > ' ' && c <= '~' && encoded.find(c) == std::string_view::npos)
            out += c;
        else
            append_encoded({&c, 1}, {"", "%20"}, out);
    }
    return out;
}

} // namespace

Hmac::Hmac(DigestKind kind, std::string_view key) {
    EVP_MAC *mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (mac == nullptr)
        throw std::runtime_error("OpenSSL offers no HMAC");
    context_.reset(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac); // the context holds its own reference
    char name[] = "SHA256";
    char name_sha1[] = "SHA1";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, kind == DigestKind::sha1 ? name_sha1 : name, 0),
        OSSL_PARAM_construct_end(),
    };
    if (!context_ || EVP_MAC_init(context_.get(), bytes_of(key), key.size(), params) != 1)
        throw std::runtime_error("OpenSSL cannot set up an HMAC");
}

Digest Hmac::compute(std::initializer_list<std::string_view> parts) {
    // Without a key, init starts over with the one given at construction.
    bool ok = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;
    for (const std::string_view part : parts)
        ok = ok && EVP_MAC_update(context_.get(), bytes_of(part), part.size()) == 1;
    Digest digest;
    ok = ok && EVP_MAC_final(context_.get(), digest.bytes.data(), &digest.size, digest.bytes.size()) == 1;
    if (!ok)
        throw std::runtime_error("OpenSSL cannot compute an HMAC");
    return digest;
}

Digest sha256(std::string_view text) {
    Digest digest;
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.bytes.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("OpenSSL cannot compute a SHA-256");
    digest.size = size;
    return digest;
}

bool equal_in_constant_time(std::span<const unsigned char> a, std::span<const unsigned char> b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

MetaSignature::MetaSignature(const std::vector<std::string> &secrets) : keys_(hmac_keys(DigestKind::sha256, secrets)) {}

bool MetaSignature::verify(std::string_view header, std::string_view body) {
    constexpr std::string_view prefix = "sha256=";
    std::array<unsigned char, 32> claimed{};
    if (!header.starts_with(prefix) || !decode_hex(header.substr(prefix.size()), claimed))
        return false;
    return any_key_signs(keys_, claimed, {body});
}

AisensySignature::AisensySignature(const std::vector<std::string> &secrets)
    : keys_(hmac_keys(DigestKind::sha256, secrets)) {}

bool AisensySignature::verify(std::string_view header, std::string_view body) {
    constexpr std::string_view prefix = "sha256=";
    if (header.starts_with(prefix))
        header.remove_prefix(prefix.size());
    std::array<unsigned char, 32> claimed{};
    if (!decode_hex(header, claimed))
        return false;
    if (any_key_signs(keys_, claimed, {body}))
        return true;
    if (body.size() > most_reserialised)
        return false;
    if (any_key_signs(keys_, claimed, {without_json_space(body)}))
        return is_json(body);
    // No form is no body: the signature of nothing must not pass for that of a body that cannot be printed anew.
    const std::string reserialised = reserialised_json(body);
    return !reserialised.empty() && any_key_signs(keys_, claimed, {reserialised});
}

TwilioSignature::TwilioSignature(const std::vector<std::string> &auth_tokens,
                                 const std::vector<std::string> &signing_keys)
    : keys_(hmac_keys(DigestKind::sha1, auth_tokens)) {
    for (const std::string &key : signing_keys) {
        const std::size_t equals = key.find('=');
        signing_keys_[key.substr(0, equals)].emplace_back(DigestKind::sha256, key.substr(equals + 1));
    }
}

// Returns the keys that may have signed, null if the settings name an unknown key or algorithm, or anything twice.
std::vector<Hmac> *TwilioSignature::keys_of(std::string_view settings) {
    if (settings.empty())
        return &keys_;
    std::string_view key, algorithm;
    while (!settings.empty()) {
        const std::size_t end = std::min(settings.find(','), settings.size());
        const std::string_view setting = trimmed(settings.substr(0, end));
        settings.remove_prefix(std::min(end + 1, settings.size()));
        const std::size_t equals = std::min(setting.find('='), setting.size());
        const std::string_view name = setting.substr(0, equals);
        if (name != "key" && name != "algorithm")
            continue;
        std::string_view &value = name == "key" ? key : algorithm;
        if (!value.empty())
            return nullptr;
        value = setting.substr(std::min(equals + 1, setting.size()));
    }
    const auto found = signing_keys_.find(key);
    return algorithm == "HMAC_SHA256" && found != signing_keys_.end() ? &found->second : nullptr;
}

bool TwilioSignature::verify(std::string_view header, std::string_view url, std::string_view parameters,
                             std::string_view settings) {
    std::vector<Hmac> *keys = keys_of(settings);
    std::array<unsigned char, 32> buffer{};
    const std::span<unsigned char> claimed(buffer.data(), settings.empty() ? 20 : 32);
    if (keys == nullptr || decode_base64(header, claimed) != claimed.size())
        return false;
    // Each spelling costs an HMAC of the parameters, before anything proves who asks for it; no callback has so many.
    constexpr std::size_t most_tried_again = 65536;
    for (const std::string &spelling : url_spellings(url)) {
        if (parameters.size() > most_tried_again && spelling != url)
            break;
        if (any_key_signs(*keys, claimed, {spelling, parameters}) ||
            any_key_signs(*keys, claimed, {url_with_other_port(spelling), parameters}))
            return true;
    }
    return false;
}

bool TwilioSignature::verify_form(std::string_view header, std::string_view url, const Form &form,
                                  std::string_view settings) {
    return verify(header, url, twilio_parameters(form), settings);
}

bool TwilioSignature::verify_body(std::string_view header, std::string_view url, std::string_view body,
                                  std::string_view settings) {
    const std::size_t question = url.find('?');
    if (question == std::string_view::npos)
        return false;
    const std::optional<Form> query = decode_form(url.substr(question + 1));
    if (!query)
        return false;
    const std::optional<std::string_view> hex = form_value(*query, "bodySHA256");
    std::array<unsigned char, 32> claimed{};
    if (!hex || !decode_hex(*hex, claimed))
        return false;
    return equal_in_constant_time(sha256(body).span(), claimed) && verify(header, url, {}, settings);
}

std::string twilio_parameters(const Form &form) {
    std::vector<const std::pair<std::string, std::string> *> fields;
    fields.reserve(form.size());
    std::size_t size = 0;
    for (const auto &field : form) {
        fields.push_back(&field);
        size += field.first.size() + field.second.size();
    }
    std::sort(fields.begin(), fields.end(), [](const auto *a, const auto *b) { return *a < *b; });
    const auto same = [](const auto *a, const auto *b) { return *a == *b; };
    fields.erase(std::unique(fields.begin(), fields.end(), same), fields.end());
    std::string out;
    out.reserve(size);
    for (const auto *field : fields)
        out.append(field->first).append(field->second);
    return out;
}

std::vector<std::string> url_spellings(std::string_view url) {
    std::vector<std::string> spellings = {std::string(url)};
    const std::size_t question = url.find('?');
    if (question == std::string_view::npos)
        return spellings;
    spellings.push_back(as_parsed(url, question));
    const std::optional<Form> query = decode_form(url.substr(question + 1));
    if (!query)
        return spellings;
    for (const QueryEncoding &encoding : query_encodings) {
        std::string spelling(url.substr(0, question));
        char separator = '?';
        for (const auto &[name, value] : *query) {
            spelling += separator;
            append_encoded(name, encoding, spelling);
            spelling += '=';
            append_encoded(value, encoding, spelling);
            separator = '&';
        }
        if (std::find(spellings.begin(), spellings.end(), spelling) ==
            spellings.end()) // each costs an HMAC of the body
            spellings.push_back(std::move(spelling));
    }
    return spellings;
}

std::string url_with_other_port(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos)
        return std::string(url);
    const std::size_t authority = scheme_end + 3;
    const std::size_t authority_end = std::min(url.find_first_of("/?#", authority), url.size());
    const std::size_t user_end = url.substr(0, authority_end).rfind('@');
    const std::size_t host = user_end == std::string_view::npos || user_end < authority ? authority : user_end + 1;
    // The colons of an IPv6 address stand within brackets.
    const std::size_t bracket = url.substr(0, authority_end).find(']', host);
    const std::size_t colon =
        url.substr(0, authority_end).find(':', bracket == std::string_view::npos ? host : bracket);
    std::string out;
    out.reserve(url.size() + 4);
    if (colon != std::string_view::npos) {
        out.append(url.substr(0, colon));
    } else {
        out.append(url.substr(0, authority_end));
        out.append(equals_ignoring_case(url.substr(0, scheme_end), "https") ? ":443" : ":80");
    }
    return out.append(url.substr(authority_end));
}

} // namespace msgstatus::receiver
