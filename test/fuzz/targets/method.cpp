// The methods of configured routes: who lacks the secret is refused, whatever comes; who has it is taken, and refused
// once a byte of what is signed is another. The input is the number of a route, four headers and a query, each on a
// line, and a body.
#include "webhook/method.hpp"

#include <map>
#include <memory>

#include "support/fuzz.hpp"
#include "support/sign.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

constexpr std::int64_t now = 1767225600;
const std::string now_text = "1767225600";
const std::string public_url = "https://hooks.example.com/webhooks/x";

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// The pair of keys whose private one is 32 times "k".
const Key &ed25519_key() {
    static const std::string bytes(32, 'k');
    static const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, fuzz::bytes_of(bytes), bytes.size()),
                         EVP_PKEY_free);
    return key;
}

std::string ed25519_public_key() {
    std::string bytes(32, '\0');
    std::size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(ed25519_key().get(), reinterpret_cast<unsigned char *>(bytes.data()), &size);
    return fuzz::encode_base64(bytes);
}

std::string ed25519_signature(std::string_view text) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string bytes(64, '\0');
    std::size_t size = bytes.size();
    FUZZ_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, ed25519_key().get()) == 1);
    FUZZ_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(bytes.data()), &size,
                              fuzz::bytes_of(text), text.size()) == 1);
    return fuzz::encode_base64(bytes);
}

std::string jwt(std::string_view secret, std::string_view claims) {
    const auto encode = [](std::string_view bytes) {
        std::string text = fuzz::encode_base64(bytes);
        for (char &c : text)
            c = c == '+' ? '-' : c == '/' ? '_' : c;
        return text.substr(0, text.find('='));
    };
    const std::string content = encode(R"({"typ":"JWT","alg":"HS512"})") + "." + encode(claims);
    return content + "." + encode(fuzz::hmac_of(EVP_sha512(), secret, content));
}

// What comes. All of it is the sender's to choose.
struct Sent {
    std::string signature;
    std::string timestamp;
    std::string id;
    std::string nonce;
    std::string query;
    std::string body;
};

using Sign = std::string (*)(const std::string &secret, const Sent &sent);

struct Route {
    std::string name;
    std::map<std::string, std::string> lines;
    std::vector<std::string> secrets;
    Sign sign; // null: the signature is checked by unit tests
    bool covers_id = false;
    bool covers_nonce = false;
};

const std::vector<Route> routes = {
    {"own",
     {{"auth", "hmac"}, {"header", "X"}, {"digest", "sha1"}},
     fuzz::secrets,
     [](const std::string &secret, const Sent &s) {
         return fuzz::encode_hex(fuzz::hmac_of(EVP_sha1(), secret, s.body));
     }},
    {"interakt",
     {},
     fuzz::secrets,
     [](const std::string &secret, const Sent &s) { return "sha256=" + fuzz::hex_signature(secret, s.body); }},
    {"sinch",
     {},
     fuzz::secrets,
     [](const std::string &secret, const Sent &s) {
         return fuzz::encode_base64(fuzz::hmac_of(EVP_sha256(), secret, s.body + "." + s.nonce + "." + s.timestamp));
     },
     false,
     true},
    {"ycloud",
     {},
     fuzz::secrets,
     [](const std::string &secret, const Sent &s) {
         return "t=" + now_text + ",s=" + fuzz::hex_signature(secret, now_text + "." + s.body);
     }},
    {"bird",
     {},
     {fuzz::encode_base64("key-in-use"), "whsec_" + fuzz::encode_base64("key-to-come")},
     [](const std::string &secret, const Sent &s) {
         const std::string key = secret.starts_with("whsec_") ? "key-to-come" : "key-in-use";
         return "v1," + fuzz::encode_base64(fuzz::hmac_of(EVP_sha256(), key, s.id + "." + s.timestamp + "." + s.body));
     },
     true},
    {"vonage",
     {},
     fuzz::secrets,
     [](const std::string &secret, const Sent &s) {
         const std::string hash = fuzz::encode_hex(fuzz::digest_of(EVP_sha256(), s.body));
         return "Bearer " + jwt(secret, R"({"iss":"Vonage","iat":)" + now_text + R"(,"payload_hash":")" + hash + "\"}");
     }},
    {"telnyx",
     {},
     {ed25519_public_key()},
     [](const std::string &, const Sent &s) { return ed25519_signature(s.timestamp + "|" + s.body); }},
    {"aws", {{"topics", "arn:aws:sns:eu-west-1:1:t"}}, {}, nullptr},
    {"plivo", {}, fuzz::secrets, nullptr},
    {"vonage-sms", {}, fuzz::secrets, nullptr},
    {"gupshup", {}, fuzz::secrets, [](const std::string &secret, const Sent &) { return "Bearer " + secret; }},
    {"own-query", {{"auth", "query"}}, fuzz::secrets, nullptr},
    {"own-basic", {{"auth", "basic"}}, {"user:secret-in-use-0123"}, nullptr},
};

// A route as the receiver has it.
struct Checker {
    explicit Checker(const Route &route) : settings(settings_of(route)), method(make_method(settings, route.secrets)) {}

    static WebhookSettings settings_of(const Route &route) {
        AllGiven given;
        given["webhook " + route.name + " "];
        for (const auto &[name, value] : route.lines)
            given["webhook " + route.name + " " + name].values = {value};
        return webhook_settings(given).front();
    }

    bool takes(const Sent &sent) {
        const std::optional<Form> form = decode_form(sent.body);
        const ProofHeaders headers{
            .signature = sent.signature, .timestamp = sent.timestamp, .id = sent.id, .nonce = sent.nonce};
        Evidence evidence{.headers = headers, .form = form ? &*form : nullptr};
        evidence.body = sent.body;
        evidence.query = sent.query;
        evidence.urls = {public_url + "?" + sent.query, public_url};
        evidence.now = now;
        return method->check(evidence).refusal.empty();
    }

    WebhookSettings settings;
    std::unique_ptr<Method> method;
};

void check_change(Checker &checker, Sent sent, std::string Sent::*member) {
    (sent.*member).append("x");
    FUZZ_CHECK(!checker.takes(sent));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static std::map<std::string, Checker> checkers;
    fuzz::Input input(fuzz::text_of(data, size));
    const Route &route = routes[input.byte() % routes.size()];
    Checker &checker = checkers.try_emplace(route.name, route).first->second;
    Sent sent;
    for (std::string Sent::*member : {&Sent::signature, &Sent::timestamp, &Sent::id, &Sent::nonce, &Sent::query})
        sent.*member = input.line();
    sent.body = input.rest();

    // Secrets as they are could be hit upon.
    const bool knows = std::string(fuzz::text_of(data, size)).find("secret-") != std::string::npos;
    FUZZ_CHECK(knows || !checker.takes(sent));
    if (route.sign == nullptr)
        return 0;
    sent.timestamp = now_text;
    if ((route.covers_id && sent.id.empty()) || (route.covers_nonce && sent.nonce.empty()) || sent.body.empty())
        return 0;
    for (const std::string &secret : route.secrets) {
        sent.signature = route.sign(secret, sent);
        FUZZ_CHECK(checker.takes(sent));
        if (route.name == "gupshup")
            continue; // a secret that is sent along covers nothing
        check_change(checker, sent, &Sent::body);
        if (route.covers_id)
            check_change(checker, sent, &Sent::id);
        if (route.covers_nonce)
            check_change(checker, sent, &Sent::nonce);
    }
    return 0;
}
