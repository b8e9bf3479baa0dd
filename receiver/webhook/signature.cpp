#include "webhook/signature.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <boost/algorithm/hex.hpp>
#include <boost/algorithm/string/replace.hpp>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "base/text_codec.hpp"
#include "webhook/json_check.hpp"

namespace msgstatus::receiver {
namespace {

const unsigned char *bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

std::vector<Hmac> hmac_keys(const char *digest, const std::vector<std::string> &secrets) {
    std::vector<Hmac> keys;
    for (const std::string &secret : secrets)
        keys.emplace_back(digest, secret);
    return keys;
}

// Returns whether the HMAC of the concatenated parts under any of the keys is the one claimed.
// @param spelled  Hmac's function that writes it as the header does
bool any_key_signs(std::vector<Hmac> &keys, std::string (Hmac::*spelled)(std::initializer_list<std::string_view>),
                   std::string_view claimed, std::initializer_list<std::string_view> parts) {
    bool found = false;
    for (Hmac &key : keys)
        found = equal_in_constant_time((key.*spelled)(parts), claimed) || found;
    return found;
}

// How a query is encoded that was decoded before: like encodeURIComponent (querystring.stringify), the same after a URL
// parser has encoded its apostrophes, like URLSearchParams, like RFC 3986; and with everything left as it is that may
// stand in a query, with apostrophes and without, and with the brackets that people write there.
struct QueryEncoding {
    std::string_view kept; // besides letters and digits
    std::string_view space;
};
constexpr std::array<QueryEncoding, 7> query_encodings = {{{"-_.!~*'()", "%20"},
                                                           {"-_.!~*()", "%20"},
                                                           {"*-._", "+"},
                                                           {"-._~", "%20"},
                                                           {"-_.!~*'()@:/?$,;", "%20"},
                                                           {"-_.!~*()@:/?$,;", "%20"},
                                                           {"-_.!~*'()@:/?$,;[]", "%20"}}};

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

std::string encoded(const Form &query, const QueryEncoding &encoding) {
    std::string out;
    for (const auto &[name, value] : query) {
        out += out.empty() ? "" : "&";
        append_encoded(name, encoding, out);
        out += '=';
        append_encoded(value, encoding, out);
    }
    return out;
}

// Returns the query as a parser of the WHATWG's URL standard writes it: escapes stay, and what may not stand in a query
// is encoded (section 4.1, the special-query percent-encode set).
std::string as_parsed(std::string_view query) {
    std::string out;
    for (const char c : query) {
        constexpr std::string_view forbidden = "\"#<>'";
        if (c > ' ' && c <= '~' && forbidden.find(c) == std::string_view::npos)
            out += c;
        else
            append_encoded({&c, 1}, {"", "%20"}, out);
    }
    return out;
}

// Returns the query with its escaped brackets (PHP's `a[]=1`) as they are.
std::string with_brackets(std::string query) {
    boost::algorithm::ireplace_all(query, "%5B", "[");
    boost::algorithm::ireplace_all(query, "%5D", "]");
    return query;
}

// Returns the query with `a` for each `a=`.
std::string without_empty_values(std::string_view query) {
    std::string out;
    while (!query.empty()) {
        const std::string_view field = cut(query, "&");
        const bool is_bare = field.find('=') == field.size() - 1;
        out.append(field.substr(0, field.size() - (is_bare ? 1 : 0))).append(query.empty() ? "" : "&");
    }
    return out;
}

} // namespace

Hmac::Hmac(const char *digest, std::string_view key) {
    EVP_MAC *mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (mac == nullptr)
        throw std::runtime_error("OpenSSL offers no HMAC");
    context_.reset(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac);         // the context holds its own reference
    std::string name = digest; // OpenSSL wants it writable
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                                 OSSL_PARAM_construct_end()};
    if (!context_ || EVP_MAC_init(context_.get(), bytes_of(key), key.size(), params) != 1)
        throw std::runtime_error("OpenSSL cannot set up an HMAC");
}

std::string Hmac::compute(std::initializer_list<std::string_view> parts) {
    // Without a key, init starts over with the one given at construction.
    bool ok = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;
    for (const std::string_view part : parts)
        ok = ok && EVP_MAC_update(context_.get(), bytes_of(part), part.size()) == 1;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = 0;
    ok = ok && EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1;
    if (!ok)
        throw std::runtime_error("OpenSSL cannot compute an HMAC");
    return {digest.begin(), digest.begin() + size};
}

std::string Hmac::hex(std::initializer_list<std::string_view> parts) {
    return boost::algorithm::hex_lower(compute(parts));
}

std::string Hmac::base64(std::initializer_list<std::string_view> parts) {
    return encode_base64(compute(parts));
}

std::string sha256_hex(std::string_view text) {
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    if (SHA256(bytes_of(text), text.size(), reinterpret_cast<unsigned char *>(digest.data())) == nullptr)
        throw std::runtime_error("OpenSSL cannot compute a SHA-256");
    return boost::algorithm::hex_lower(digest);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

MetaSignature::MetaSignature(const std::vector<std::string> &secrets) : keys_(hmac_keys("SHA256", secrets)) {}

bool MetaSignature::verify(std::string_view header, std::string_view body) {
    constexpr std::string_view prefix = "sha256=";
    return header.starts_with(prefix) &&
           any_key_signs(keys_, &Hmac::hex, lower_case(header.substr(prefix.size())), {body});
}

AisensySignature::AisensySignature(const std::vector<std::string> &secrets) : keys_(hmac_keys("SHA256", secrets)) {}

bool AisensySignature::verify(std::string_view header, std::string_view body) {
    constexpr std::ptrdiff_t most_opened = 512;
    const auto opens = [](char c) { return c == '[' || c == '{'; };
    constexpr std::string_view prefix = "sha256=";
    if (header.starts_with(prefix))
        header.remove_prefix(prefix.size());
    const std::string claimed = lower_case(header);
    if (any_key_signs(keys_, &Hmac::hex, claimed, {body}))
        return true;
    // Each level costs memory in reader and writer; AiSensy's webhooks have some six.
    if (body.size() > most_reserialised || std::count_if(body.begin(), body.end(), opens) > most_opened)
        return false;
    if (any_key_signs(keys_, &Hmac::hex, claimed, {without_json_space(body)}))
        return is_json(body);
    // No form is no body: the signature of nothing must not pass for that of a body that cannot be printed anew.
    const std::string reserialised = reserialised_json(body);
    return !reserialised.empty() && any_key_signs(keys_, &Hmac::hex, claimed, {reserialised});
}

TwilioSignature::TwilioSignature(const std::vector<std::string> &auth_tokens,
                                 const std::vector<std::string> &signing_keys)
    : keys_(hmac_keys("SHA1", auth_tokens)) {
    for (std::string_view secret : signing_keys) {
        const std::string_view name = cut(secret, "=");
        signing_keys_[std::string(name)].emplace_back("SHA256", secret);
    }
}

// Returns the keys that may have signed, null if the settings name an unknown key or algorithm, or anything twice.
std::vector<Hmac> *TwilioSignature::keys_of(std::string_view settings) {
    if (settings.empty())
        return &keys_;
    std::string_view key, algorithm;
    while (!settings.empty()) {
        std::string_view setting = trimmed(cut(settings, ","));
        const std::string_view name = cut(setting, "=");
        if (name != "key" && name != "algorithm")
            continue;
        std::string_view &value = name == "key" ? key : algorithm;
        if (!value.empty())
            return nullptr;
        value = setting;
    }
    const auto found = signing_keys_.find(key);
    return algorithm == "HMAC_SHA256" && found != signing_keys_.end() ? &found->second : nullptr;
}

bool TwilioSignature::verify(std::string_view header, std::string_view url, std::string_view parameters,
                             std::string_view settings) {
    std::vector<Hmac> *keys = keys_of(settings);
    if (keys == nullptr)
        return false;
    const auto is_signed = [&](std::string_view spelling) {
        return any_key_signs(*keys, &Hmac::base64, header, {spelling, parameters}) ||
               any_key_signs(*keys, &Hmac::base64, header, {url_with_other_port(spelling), parameters});
    };
    if (is_signed(url))
        return true;
    // Each spelling costs two HMACs of the parameters, before anything proves who asks; no callback has so many.
    constexpr std::size_t most_tried_again = 4096;
    if (url.size() + parameters.size() > most_tried_again)
        return false;
    const std::vector<std::string> spellings = url_spellings(url);
    return std::any_of(spellings.begin() + 1, spellings.end(), is_signed);
}

bool TwilioSignature::verify_form(std::string_view header, std::string_view url, const Form &form,
                                  std::string_view settings) {
    return verify(header, url, twilio_parameters(form), settings);
}

bool TwilioSignature::verify_body(std::string_view header, std::string_view url, std::string_view body,
                                  std::string_view settings) {
    std::string_view query = url;
    cut(query, "?");
    const std::optional<Form> fields = decode_form(query);
    const std::optional<std::string_view> hash = fields ? form_value(*fields, "bodySHA256") : std::nullopt;
    return hash && equal_in_constant_time(lower_case(*hash), sha256_hex(body)) && verify(header, url, {}, settings);
}

std::string twilio_parameters(const Form &form) {
    std::vector<const Form::value_type *> fields;
    std::transform(form.begin(), form.end(), std::back_inserter(fields), [](const auto &field) { return &field; });
    std::sort(fields.begin(), fields.end(), [](const auto *a, const auto *b) { return *a < *b; });
    const auto same = [](const auto *a, const auto *b) { return *a == *b; };
    fields.erase(std::unique(fields.begin(), fields.end(), same), fields.end());
    std::string out;
    for (const auto *field : fields)
        out.append(field->first).append(field->second);
    return out;
}

std::vector<std::string> url_spellings(std::string_view url) {
    std::vector<std::string> spellings = {std::string(url)};
    std::string_view query = url;
    const std::string before(cut(query, "?"));
    if (query.empty())
        return spellings;
    std::vector<std::string> queries = {std::string(query), as_parsed(query), with_brackets(std::string(query))};
    if (const std::optional<Form> form = decode_form(query)) {
        for (const QueryEncoding &encoding : query_encodings)
            queries.push_back(encoded(*form, encoding));
    }
    for (std::size_t i = 0, size = queries.size(); i < size; ++i)
        queries.push_back(without_empty_values(queries[i]));
    for (const std::string &spelled : queries) {
        std::string spelling = before + "?" + spelled;
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
    const std::size_t begin = scheme_end + 3;
    const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
    const std::string_view authority = url.substr(begin, end - begin);
    const std::size_t host = authority.rfind('@') + 1; // 0 without user information
    const std::size_t bracket = authority.find(']', host);
    const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? host : bracket); // not of IPv6
    const std::string_view port = equals_ignoring_case(url.substr(0, scheme_end), "https") ? ":443" : ":80";
    std::string out(url.substr(0, begin));
    out.append(authority.substr(0, colon)).append(colon == std::string_view::npos ? port : "");
    return out.append(url.substr(end));
}

} // namespace msgstatus::receiver
