// The methods of configured routes: what is right, and everything near it that must not pass. The signatures come from
// elsewhere: of Standard Webhooks from its specification, the others from Python's hmac and hashlib, and from openssl.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/text_codec.hpp"
#include "webhook/json_check.hpp"
#include "webhook/method.hpp"

namespace msgstatus::receiver {
namespace {

const std::string body = R"({"id":"m-1","status":"sent"})";
const std::string secret = "secret-one";
constexpr std::int64_t now = 1767225600; // 2026-01-01T00:00:00Z
const std::string now_text = "1767225600";

// Returns the settings of a section.
WebhookSettings route(const std::string &name, const std::map<std::string, std::string> &lines = {}) {
    AllGiven given;
    given["webhook " + name + " "];
    for (const auto &[setting, value] : lines)
        given["webhook " + name + " " + setting].values = {value};
    return webhook_settings(given).front();
}

// A webhook to check, changed by each test in one place.
struct Sent {
    ProofHeaders headers{};
    std::string text = body;
    std::optional<Form> form{};
    std::string query{};
    std::vector<std::string> urls = {"https://hooks.example.org/webhooks/x"};
    bool is_get = false;
    std::int64_t at = now;
};

std::string refusal(const WebhookSettings &settings, const Sent &sent,
                    const std::vector<std::string> &secrets = {secret}) {
    Evidence evidence{.headers = sent.headers, .form = sent.form ? &*sent.form : nullptr};
    evidence.body = sent.is_get ? std::string_view() : std::string_view(sent.text);
    evidence.query = sent.query;
    evidence.urls = sent.urls;
    evidence.is_get = sent.is_get;
    evidence.now = sent.at;
    return std::string(make_method(settings, secrets)->check(evidence).refusal);
}

Sent with(const std::string &signature) {
    return {.headers = {.signature = signature}}; // which lives as long as the test's expression
}

TEST(Base64, IsStrict) {
    EXPECT_EQ(decode_base64("Zm8="), "fo");
    EXPECT_EQ(decode_base64("Zm8"), "fo");
    EXPECT_EQ(decode_base64(""), "");
    EXPECT_EQ(decode_base64("-_8", true), "\xfb\xff");
    for (const char *wrong : {"Zm9=", "Z", "Zm8=Zm8=", "Zm 8", "Zm8==", "Zg=", "Zg===", "====", "-_8"})
        EXPECT_FALSE(decode_base64(wrong)) << wrong;
    EXPECT_FALSE(decode_base64("+/8", true));
}

TEST(JsonMembers, AreThoseOfTheObjectItself) {
    using Members = std::map<std::string, std::string, std::less<>>;
    EXPECT_EQ(json_members(R"({"a":"\u00e9","n":1.50,"t":true,"o":{"a":"x","b":[1]},"l":["y"]})"),
              (Members{{"a", "\u00e9"}, {"n", "1.50"}, {"t", "true"}}));
    for (const char *wrong : {R"({"a":1,"a":2})", R"({"a":1,"a":{}})", "[]", "1", R"("a")", "{", "{} {}", ""})
        EXPECT_FALSE(json_members(wrong)) << wrong;
    EXPECT_FALSE(json_members(R"({"o":{}})", true));
    EXPECT_FALSE(json_members(R"({"o":[]})", true));
}

const std::string hex_256 = "ac77883fd444bf27889d03fec93c2a89371800a9d38f247e8fde14134aad93fd";

TEST(HmacMethod, OfTheBody) {
    const auto own = [](const std::string &digest, const std::string &encoding) {
        return route("own", {{"auth", "hmac"}, {"header", "X"}, {"digest", digest}, {"encoding", encoding}});
    };
    EXPECT_EQ(refusal(own("sha1", "hex"), with("850b765f9c2a1f99d53bb3e1b8df66ed04119287")), "");
    EXPECT_EQ(refusal(own("sha256", "hex"), with(hex_256)), "");
    EXPECT_EQ(
        refusal(
            own("sha512", "hex"),
            with("3d2d216c50ef463a3630ace0f5558e0cc12a813d6d2daf52871ee94418b9a4bca0cfb9c419eb352ac83fbdc542bc9a580e3b"
                 "d3d5ab61d558e4d22589e8effdbf")),
        "");
    EXPECT_EQ(refusal(own("sha256", "base64"), with("rHeIP9REvyeInQP+yTwqiTcYAKnTjyR+j94UE0qtk/0=")), "");
    EXPECT_EQ(refusal(own("sha1", "hex"), with(hex_256)), "wrong signature") << "of another digest";
    EXPECT_EQ(refusal(own("sha256", "base64"), with(hex_256)), "wrong signature") << "in another encoding";
}

TEST(HmacMethod, RefusesEverythingElse) {
    const WebhookSettings interakt = route("interakt");
    const std::string right = "sha256=" + hex_256;
    EXPECT_EQ(refusal(interakt, with(right)), "");
    EXPECT_EQ(refusal(interakt, with(right), {"new", secret}), "") << "either of two secrets";
    EXPECT_EQ(refusal(interakt, with(right), {"another"}), "wrong signature");
    for (const std::string &malformed : {std::string(), std::string("sha256="), hex_256, "sha1=" + hex_256})
        EXPECT_EQ(refusal(interakt, with(malformed)), "the signature header is malformed") << malformed;
    for (const std::string &wrong : {right + "0", right.substr(0, right.size() - 1), "sha256=" + std::string(64, 'g')})
        EXPECT_EQ(refusal(interakt, with(wrong)), "wrong signature") << wrong;
    for (std::size_t i = 0; i < body.size(); ++i) {
        Sent changed = with(right);
        changed.text[i] = static_cast<char>(changed.text[i] ^ 1);
        EXPECT_EQ(refusal(interakt, changed), "wrong signature") << "byte " << i;
    }
    std::string many;
    for (int i = 0; i < 9; ++i)
        many += right + " ";
    EXPECT_EQ(refusal(interakt, with(many)), "the signature header is malformed") << "nine signatures";
}

TEST(HmacMethod, KnowsSinch) {
    const WebhookSettings sinch = route("sinch");
    const std::string signature = "lNFFnO2A1R2ONDp4B55htVvL94/fDlLUe5RlFd63RAc=";
    Sent sent{.headers = {.signature = signature, .timestamp = now_text, .nonce = "nonce-1"}};
    EXPECT_EQ(refusal(sinch, sent), "");
    sent.headers.nonce = "nonce-2";
    EXPECT_EQ(refusal(sinch, sent), "wrong signature");
    sent.headers.nonce = "";
    EXPECT_EQ(refusal(sinch, sent), "a header that is signed is missing");
    sent.headers = {.signature = signature, .timestamp = "1767225601", .nonce = "nonce-1"};
    EXPECT_EQ(refusal(sinch, sent), "wrong signature");
    sent.headers.timestamp = "";
    EXPECT_EQ(refusal(sinch, sent), "the timestamp is missing or malformed");
}

TEST(HmacMethod, KnowsYcloudAndTheTime) {
    const std::string header = "t=1767225600,s="
                               "f5d6fc7bb30b4fb4b09bb1ca0376605327d539de23ac1c4a5680aa7fcb51e47c";
    Sent sent = with(header);
    EXPECT_EQ(refusal(route("ycloud"), sent), "");
    sent.at = now + 300;
    EXPECT_EQ(refusal(route("ycloud"), sent), "");
    sent.at = now + 301;
    EXPECT_EQ(refusal(route("ycloud"), sent), "the timestamp is too old");
    EXPECT_EQ(refusal(route("ycloud", {{"tolerance", "301"}}), sent), "");
    EXPECT_EQ(refusal(route("ycloud", {{"tolerance", "0"}}), sent), "");
    sent.at = now - 301;
    EXPECT_EQ(refusal(route("ycloud"), sent), "the timestamp is in the future");
    for (const char *wrong : {"s=00", "t=1767225600", "t=x,s=00", "t=1767225600,v=00"})
        EXPECT_NE(refusal(route("ycloud"), with(wrong)), "") << wrong;
}

TEST(HmacMethod, KnowsStandardWebhooks) {
    const std::string key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const std::string right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    Sent sent{.headers = {.signature = right, .timestamp = "1614265330", .id = "msg_p5jXN8AQM9LWM0D4loKWxJek"},
              .text = R"({"test": 2432232314})",
              .at = 1614265330};
    for (const char *name : {"bird", "standard-webhooks"}) {
        EXPECT_EQ(refusal(route(name), sent, {key}), "");
        EXPECT_EQ(refusal(route(name), sent, {key.substr(6)}), "") << "without whsec_";
        EXPECT_EQ(refusal(route(name), sent, {"whsec_c2VjcmV0"}), "wrong signature");
    }
    const std::string list = "v1,AAAA v2,BBBB " + right;
    sent.headers.signature = list;
    EXPECT_EQ(refusal(route("bird"), sent, {key}), "");
    sent.headers.signature = "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    EXPECT_EQ(refusal(route("bird"), sent, {key}), "the signature header is malformed");
    sent.headers.signature = right;
    sent.headers.id = "msg_other";
    EXPECT_EQ(refusal(route("bird"), sent, {key}), "wrong signature");
    sent.headers.id = "";
    EXPECT_EQ(refusal(route("bird"), sent, {key}), "a header that is signed is missing");
}

std::string vonage(const std::string &token, std::int64_t at = now,
                   const std::vector<std::string> &secrets = {secret}) {
    const std::string header = "Bearer " + token;
    Sent sent = with(header);
    sent.at = at;
    return refusal(route("vonage"), sent, secrets);
}

const std::string jwt_256 =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjU2MDAsImp0aSI6ImoiLCJwYXl"
    "sb2FkX2hhc2giOiI1NjZhYTRmZDYwNzNiNWEzNzE2NzJjNmU2M2QyZjA1ODJmMWE1NDIzYTk0MmNmZjU4OGYwMDU5ZjkxYjQzZjR"
    "hIn0.q2qLwg5O9PWcMxgAtxX7hiWJzdyI2Pz-hJorDOMBSX4";

TEST(JwtMethod, TakesThreeAlgorithms) {
    EXPECT_EQ(vonage(jwt_256), "");
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjU2MDAsImp0aSI6ImoiLCJwYXl"
               "sb2FkX2hhc2giOiI1NjZhYTRmZDYwNzNiNWEzNzE2NzJjNmU2M2QyZjA1ODJmMWE1NDIzYTk0MmNmZjU4OGYwMDU5ZjkxYjQzZjR"
               "hIn0.XQSwrIVpTLRoqLSbRJ8PCWkTQVgexl7l3MoBPhb49xJKIGt7NdFCWEqL99INy_11"),
        "");
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjU2MDAsImp0aSI6ImoiLCJwYXl"
               "sb2FkX2hhc2giOiI1NjZhYTRmZDYwNzNiNWEzNzE2NzJjNmU2M2QyZjA1ODJmMWE1NDIzYTk0MmNmZjU4OGYwMDU5ZjkxYjQzZjR"
               "hIn0.I4O01rWHwyDEmG4oju-nBYaA5RpK6gXxJEa9XpshLsi8JITNXej70h7Z4NRn2aOeNfFZxq_cykXVFazk9D9L_A"),
        "");
    EXPECT_EQ(vonage(jwt_256, now, {"new", secret}), "");
    EXPECT_EQ(vonage(jwt_256, now, {"another"}), "wrong signature");
    EXPECT_EQ(
        vonage("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjU2MDAsImp0aSI6ImoiLCJwYXls"
               "b2FkX2hhc2giOiI1NjZhYTRmZDYwNzNiNWEzNzE2NzJjNmU2M2QyZjA1ODJmMWE1NDIzYTk0MmNmZjU4OGYwMDU5ZjkxYjQzZjRh"
               "In0."),
        "wrong signature")
        << "alg none";
    const std::size_t end = jwt_256.rfind('.');
    EXPECT_EQ(vonage(jwt_256.substr(0, end)), "the token is malformed");
    EXPECT_EQ(vonage(jwt_256.substr(0, end + 1)), "wrong signature") << "an empty signature";
    const std::string claims = jwt_256.substr(jwt_256.find('.'));
    EXPECT_EQ(vonage("eyJhbGciOiJub25lIn0" + claims), "wrong signature") << "alg none, and the signature left";
    EXPECT_EQ(vonage("eyJhbGciOiJSUzI1NiJ9" + claims), "wrong signature") << "alg RS256";
    EXPECT_EQ(vonage("bm8ganNvbg" + claims), "the token is malformed");
}

TEST(JwtMethod, RefusesWhatIsChanged) {
    for (std::size_t i = 0; i < jwt_256.size(); ++i) {
        std::string changed = jwt_256;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (changed != jwt_256) {
            EXPECT_NE(vonage(changed), "") << "byte " << i;
        }
    }
    const std::string header = "Bearer " + jwt_256;
    for (std::size_t i = 0; i < body.size(); ++i) {
        Sent sent = with(header);
        sent.text[i] = static_cast<char>(sent.text[i] ^ 1);
        EXPECT_EQ(refusal(route("vonage"), sent), "the token is for another body") << "byte " << i;
    }
    EXPECT_EQ(refusal(route("vonage"), with(jwt_256)), "the header holds no such token") << "without Bearer";
    EXPECT_EQ(vonage(""), "the token is malformed");
    EXPECT_EQ(vonage("a.b"), "the token is malformed");
    EXPECT_EQ(vonage(jwt_256 + ".x"), "the token is malformed");
}

TEST(JwtMethod, ChecksTheClaims) {
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJPdGhlciIsImlhdCI6MTc2NzIyNTYwMCwianRpIjoiaiIsInBheWx"
               "vYWRfaGFzaCI6IjU2NmFhNGZkNjA3M2I1YTM3MTY3MmM2ZTYzZDJmMDU4MmYxYTU0MjNhOTQyY2ZmNTg4ZjAwNTlmOTFiNDNmNGE"
               "ifQ.2AcuEj7rIdmZAUNS8k98_p2gAv4H7COT3Fr-zALsVkY"),
        "the token is of another issuer");
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjU2MDAsImp0aSI6ImoifQ.Ztb3"
               "xe5h2NY-Txy-SW2osbVbWuTyMm-LFH7hM5-q2fQ"),
        "the token vouches for no body");
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJqdGkiOiJqIiwicGF5bG9hZF9oYXNoIjoiNTY2YWE"
               "0ZmQ2MDczYjVhMzcxNjcyYzZlNjNkMmYwNTgyZjFhNTQyM2E5NDJjZmY1ODhmMDA1OWY5MWI0M2Y0YSJ9.9LBNgCUSSOK4CFkDo-"
               "xbyQJURE6hIUhcwHWorkkpqPM"),
        "the token has no time");
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjU2MDAsInBheWxvYWRfaGFzaCI6IjU2NmFhNGZkNjA"
               "3M2I1YTM3MTY3MmM2ZTYzZDJmMDU4MmYxYTU0MjNhOTQyY2ZmNTg4ZjAwNTlmOTFiNDNmNGEiLCJpc3MiOiJWb25hZ2UifQ.E5_g"
               "tKgjD_sv9WoM2RqZPpxviA7THrXECvs4XnPVGxA"),
        "the token is malformed")
        << "one claim twice";
    EXPECT_EQ(vonage(jwt_256, now + 300), "");
    EXPECT_EQ(vonage(jwt_256, now + 301), "the timestamp is too old");
    EXPECT_EQ(vonage(jwt_256, now - 301), "the timestamp is in the future");
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjAwMDAsImp0aSI6ImoiLCJwYXl"
               "sb2FkX2hhc2giOiI1NjZhYTRmZDYwNzNiNWEzNzE2NzJjNmU2M2QyZjA1ODJmMWE1NDIzYTk0MmNmZjU4OGYwMDU5ZjkxYjQzZjR"
               "hIiwiZXhwIjoxNzY3MjI1NjYwfQ.jEwlrRqb8VNPt_6LgSgjRo-ehPMolVNxpzeevajOGUY"),
        "")
        << "an old token that has not ended";
    EXPECT_EQ(
        vonage("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjU2MDAsImp0aSI6ImoiLCJwYXl"
               "sb2FkX2hhc2giOiI1NjZhYTRmZDYwNzNiNWEzNzE2NzJjNmU2M2QyZjA1ODJmMWE1NDIzYTk0MmNmZjU4OGYwMDU5ZjkxYjQzZjR"
               "hIiwiZXhwIjoxNzY3MjI1NTk5fQ.-5_1jeHBXvmTCG_F0ssrxpXstgQQ4J9rbgkkazs-44o"),
        "the timestamp is too old");
}

TEST(JwtMethod, CoversTheQueryOfAGet) {
    const std::string token =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJNZXNzYWdlQmlyZCIsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjoxNzY"
        "3MjI1NjYwLCJqdGkiOiJqIiwidXJsX2hhc2giOiIwNDk4Zjc3Y2Y1M2MxM2Q5MGViZmVkYTc0YmZkM2U5ZGJkODQxN2VhMDYwZTM"
        "xNjM5ODZiODhmYmYyZTM0YTgzIn0.ENwHxUl5BiOBasTFoRHv7hcbPsIGTCBaKtjaWbt-lDE";
    Sent sent = with(token);
    sent.is_get = true;
    sent.urls = {"http://hooks.example.org/x", "https://hooks.example.org/webhooks/messagebird?id=m-1&status=sent"};
    EXPECT_EQ(refusal(route("messagebird"), sent), "");
    sent.urls = {"https://hooks.example.org/webhooks/messagebird?id=m-1&status=read"};
    EXPECT_EQ(refusal(route("messagebird"), sent), "the token is for another URL");
    const std::string of_post =
        "Bearer "
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJWb25hZ2UiLCJpYXQiOjE3NjcyMjAwMDAsImp0aSI6ImoiLCJwYXl"
        "sb2FkX2hhc2giOiI1NjZhYTRmZDYwNzNiNWEzNzE2NzJjNmU2M2QyZjA1ODJmMWE1NDIzYTk0MmNmZjU4OGYwMDU5ZjkxYjQzZjR"
        "hIiwiZXhwIjoxNzY3MjI1NjYwfQ.jEwlrRqb8VNPt_6LgSgjRo-ehPMolVNxpzeevajOGUY";
    Sent without = with(of_post);
    without.is_get = true;
    without.text.clear();
    EXPECT_EQ(refusal(route("vonage"), without), "the token is for another body");
    sent.is_get = false;
    sent.urls = {"https://hooks.example.org/webhooks/messagebird?id=m-1&status=sent"};
    EXPECT_EQ(refusal(route("messagebird"), sent), "the token vouches for no body");
}

TEST(JwtMethod, SignsWhatItTakes) {
    const std::string claims =
        R"({"iss":"Vonage","iat":1767225600,"jti":"j","payload_hash":")" + sha256_hex(body) + "\"}";
    EXPECT_EQ(make_jwt(secret, claims), jwt_256);
}

TEST(Ed25519Method, CoversTimeAndBody) {
    const std::string key = "Ea6A5jDMLSFug1RGW4s5GPKBgPvvzWkLZlIs0sJmLdg=";
    const std::string right =
        "BrfTBT/X8Dz8qcelKmQgXRPsJGXZSc75HcLh1fH0+9lkm7Td6N6pq6diNOfiBk1cCBmUVXtZIOf8IwoxmqIlAQ==";
    const WebhookSettings telnyx = route("telnyx");
    Sent sent{.headers = {.signature = right, .timestamp = now_text}};
    EXPECT_EQ(refusal(telnyx, sent, {key}), "");
    EXPECT_EQ(refusal(telnyx, sent, {"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", key}), "");
    EXPECT_EQ(refusal(telnyx, sent, {"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}), "wrong signature");
    for (std::size_t i = 0; i < body.size(); ++i) {
        Sent changed = sent;
        changed.text[i] = static_cast<char>(changed.text[i] ^ 1);
        EXPECT_EQ(refusal(telnyx, changed, {key}), "wrong signature") << "byte " << i;
    }
    sent.at = now + 301;
    EXPECT_EQ(refusal(telnyx, sent, {key}), "the timestamp is too old");
    sent.headers.timestamp = "1767225900";
    EXPECT_EQ(refusal(telnyx, sent, {key}), "wrong signature") << "a new time for an old webhook";
    sent.headers.timestamp = "";
    EXPECT_EQ(refusal(telnyx, sent, {key}), "the timestamp is missing or malformed");
    sent.headers = {.signature = "AAAA", .timestamp = "1767225900"};
    EXPECT_EQ(refusal(telnyx, sent, {key}), "wrong signature");
    sent.headers.signature = "*";
    EXPECT_EQ(refusal(telnyx, sent, {key}), "the signature header is malformed");
}

const std::string sns_certificate = "-----BEGIN CERTIFICATE-----\n"
                                    "MIIDGzCCAgOgAwIBAgIUHpmGbvRPoXEb3rle8Uzd10B3hG4wDQYJKoZIhvcNAQEL\n"
                                    "BQAwHDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wIBcNMjYxMTI5MTcwNDMy\n"
                                    "WhgPMjEyNjExMDUxNzA0MzJaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29t\n"
                                    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1cs/BgoiJ1eNtg/2CpMF\n"
                                    "01YjXsfDJiO5VbHyfXiH9PMFcOsTzh2AQH6eA9dH9+4p1dSV/GqtiamY/rvCP/l+\n"
                                    "8wqWvzut2hkk3HsgyVax8p+p6/eza2PYRkJqwYLYOvbW2CC8WqV3P/i9v1O7QqhT\n"
                                    "H2G84xkNqjw4EAoHzQCKADjDTAumPmBJznR40G17VouIy7JyP5nlR1wgYELSSmDg\n"
                                    "zSuCbBx2kHHzb0u7mf4y7cav+mB33OBO0GS8OcXXL6o6cMuw5LwnYFZYQoixWJgS\n"
                                    "fS3FrEGtEfqmtkhQw/hmjR0w2c1K1bBVLHE9LB8VqT96oyESG8ChXJ+yDIYN9/mx\n"
                                    "XQIDAQABo1MwUTAdBgNVHQ4EFgQUghBzToG/VlDo0VgTOVN7gp7iGgYwHwYDVR0j\n"
                                    "BBgwFoAUghBzToG/VlDo0VgTOVN7gp7iGgYwDwYDVR0TAQH/BAUwAwEB/zANBgkq\n"
                                    "hkiG9w0BAQsFAAOCAQEAwNkzGRXhekf/TvVZoJRwoJ5G/Lj/8wBQp67cVoISmwZM\n"
                                    "JtxFbL9MxmTcHN0w7taGKyH0LPNioo6oBko+7eKrTmlaYgAgj6ZE2OJx9tnJUMYQ\n"
                                    "nUClDfP68bY5LFkAhYge4tNJ2shzenF409Ocpm6pCwSSQfblOU+NBEUwKBo2v9rY\n"
                                    "8nT7cyVuJlrtltm4+vvY9Gli6/fqkXjXFPlJ3m6Enco7VeiitRC3AMuSBpfNTk7R\n"
                                    "tTFMseDlknLFfuC1DAO7e58O6dTze7TbLVnxnOIevVKKiGe9wdOXCNjvR6v7WrPR\n"
                                    "BY8zsbeWXY0ZqZWbKyW5E2XGgoVxBq0A5Yc9MSmHfQ==\n"
                                    "-----END CERTIFICATE-----\n";
const std::string topic = "arn:aws:sns:eu-west-1:123456789012:statuses";
const std::string amazon = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem";

std::string notification(const std::string &version, const std::string &signature, const std::string &url = amazon) {
    return R"({"Type":"Notification","MessageId":"i-1","TopicArn":")" + topic +
           R"(","Message":"{\"a\":\"\u00e9\"}","Timestamp":"2026-01-01T00:00:00.000Z","SignatureVersion":")" + version +
           R"(","Signature":")" + signature + R"(","SigningCertURL":")" + url +
           R"(","MessageAttributes":{"x":{"Type":"String"}}})";
}

const std::string sns_1 =
    "p+OtAgQqqjk+bZEZOjfuFJSmlxwhwP5ewXs7CZ9aUmSZYOmoHrSPdN2krnpak/q7XGeYc3M+96DJNkAGXp/NaE0Ws3t9tmpq/ogg"
    "yb34k19EPto+0T8IzM/yugHtG7Pxkof/36UvflmHtDu2VLm7x9BI6Ya22WDrpAO11IC4S6tzMDYq1e9LJmKJ9TEp0FQvM88VV/Qt"
    "m6naIJhk1DEw94m/FNCLseFeSO8mw86N/60EfdNVyC0/6mXGgUumSih/0++DXsqof3yrkLjxmvgOtX+8tnSZ6goYXpSxo3kIj6b1"
    "k2qj3YoB1km+BLxCPD8yR3dsVySGFLzNrTLWhGJZlQ==";
const std::string sns_2 =
    "qN2E5SHmo1sT/jwxzVYcpwUQ+XhofAw/Iuee0rPWLkddERRYrOgdVw/xCy8WuI1t68egg8iaKuLGwaqUvtOUgHxe5OyuHAUP2BhH"
    "u/QF30hfAIZhluTqB7Iu0ExPWTVT1E9wcK9jczAT/EuJD/PT+J16oihnc7WcjkpyBIAt7dY5HHlfqWpgeoPH0uba5HjtW+5QxfCe"
    "rWqb+FjDzWyD8wmDJOVIsxr9FFLiwHoEhZuEndj/yIlYM42s6IVa5jVTEssoDCJuDgZnLw+gqb/60HV+QGD9tVgGoijNUALk015f"
    "ynd/ZHoyIu24JoIrJMHI0eZYocpneMAIkYNN0P5S0Q==";

std::string sns(const std::string &text, std::int64_t at = now,
                const std::map<std::string, std::string> &lines = {{"topics", topic}}) {
    Sent sent;
    sent.text = text;
    sent.at = at;
    return refusal(route("aws", lines), sent, {sns_certificate});
}

TEST(SnsMethod, TakesBothVersions) {
    EXPECT_EQ(sns(notification("1", sns_1)), "");
    EXPECT_EQ(sns(notification("2", sns_2)), "");
    const std::string wrong = "wrong signature, or no certificate-file holds its certificate";
    EXPECT_EQ(sns(notification("1", sns_2)), wrong);
    EXPECT_EQ(sns(notification("3", sns_2)), "unknown signature version");
    const std::map<std::string, std::string> only_2 = {{"topics", "arn:other, " + topic}, {"digest", "sha256"}};
    EXPECT_EQ(sns(notification("1", sns_1), now, only_2), "unknown signature version");
    EXPECT_EQ(sns(notification("2", sns_2), now, only_2), "");
    std::string changed = notification("2", sns_2);
    changed.replace(changed.find("i-1"), 3, "i-2");
    EXPECT_EQ(sns(changed), wrong);
    EXPECT_EQ(sns(notification("2", sns_2), now, {{"topics", topic + "x"}}), "the topic is not listed");
    EXPECT_EQ(sns(notification("2", sns_2), now + 3901), "the timestamp is too old");
    for (const char *raw : {"{}", "[]", "", R"({"Type":"Notification"})"})
        EXPECT_EQ(sns(raw), "no signed message of SNS; raw message delivery is not signed");
}

TEST(SnsMethod, WantsEveryMemberInItsPlace) {
    const std::string wrong = "a signed member is missing, or has several lines";
    const auto changed = [](const std::string &from, const std::string &to) {
        std::string text = notification("2", sns_2);
        return sns(text.replace(text.find(from), from.size(), to));
    };
    const std::string message = R"("Message":"{\"a\":\"\u00e9\"}")",
                      longer = R"("Message":"{\"a\":\"\u00e9\"}\nMessageId\ni-1")";
    std::string moved = notification("2", sns_2);
    moved.replace(moved.find(message), message.size(), longer);
    moved.replace(moved.find(R"("MessageId":"i-1",)"), 18, "");
    EXPECT_EQ(sns(moved), wrong) << "the text that is signed is the same";
    EXPECT_EQ(changed(R"("MessageId":"i-1",)", ""), wrong);
    EXPECT_EQ(changed(R"("MessageId":"i-1")", R"("MessageId":["i-1"])"), wrong);
    EXPECT_EQ(changed(R"("MessageId":"i-1")", R"("MessageId":"i-1\nSubject\ns")"), wrong);
    EXPECT_EQ(changed(R"("MessageId":"i-1")", R"("MessageId":"i-1","Subject":"s\nTimestamp\n0")"), wrong);
    EXPECT_EQ(changed(message + ",", ""), wrong);
}

TEST(SnsMethod, TrustsAmazonsHostsAlone) {
    EXPECT_EQ(sns(notification("2", sns_2, "https://sns.cn-north-1.amazonaws.com.cn/x.pem")), "");
    for (const char *url :
         {"http://sns.eu-west-1.amazonaws.com/x.pem", "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
          "https://sns.eu-west-1.amazonaws.com@evil.example/x", "https://evil.example/sns.eu-west-1.amazonaws.com/",
          "https://sns.eu-west-1.amazonaws.com:8443/x", "https://sns.a.b.amazonaws.com/x",
          "https://sns..amazonaws.com/x", "https://s3.eu-west-1.amazonaws.com/x.pem",
          "https://sns.eu-west-1.amazonaws.com\\\\@evil.example/", ""})
        EXPECT_EQ(sns(notification("2", sns_2, url)), "the certificate is not at Amazon") << url;
}

Verdict confirmation(const std::string &url, const std::string &signature) {
    const WebhookSettings aws = route("aws", {{"topics", topic}});
    const std::string text = R"({"Type":"SubscriptionConfirmation","MessageId":"i-2","Token":"t-1","TopicArn":")" +
                             topic + R"(","Message":"You have chosen","SubscribeURL":")" + url +
                             R"(","Timestamp":"2026-01-01T00:00:00.000Z","SignatureVersion":"2","Signature":")" +
                             signature + R"(","SigningCertURL":")" + amazon + "\"}";
    const ProofHeaders none;
    Evidence evidence{.headers = none};
    evidence.body = text;
    evidence.now = now;
    return make_method(aws, {sns_certificate})->check(evidence);
}

TEST(SnsMethod, PointsOutASubscription) {
    const std::string url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t-1";
    const std::string right =
        "Xu/5hSBeHpnxJlMD2zglJ7m6BI3g7WkTLdgno0W35POvkhs5wRovWc3Q+zQp6fHGWqDWiNT5pty8qU+6ctOfLniiuhSuqpfSBzf6"
        "KY83TcMgpCwprP2jch+co1jrcqIpCQcXZA+r3I9LDQzKZw4Y/2rMsnvkO1D2KSVmG1/uxnPs0FpdIl2hccmBrMMlTuLtg9STjIcI"
        "vs0TpBQ3AX5yXqcJEDzxAm/aChEmxj/nZQjB4BiIPuUbG+9h+/C8MJK+MrXxe8svapfzPS2WzeRjn8QBZDnLkOOhoIKi8bzXNrm/"
        "De///g9lP6K/cX0JkRmI3uI0rLFV++kzx2ryQtXZXw==";
    const Verdict verdict = confirmation(url, right);
    EXPECT_EQ(verdict.refusal, "");
    EXPECT_EQ(verdict.notice, "a subscription waits for confirmation");
    EXPECT_EQ(verdict.detail, url);
    EXPECT_NE(confirmation(url + "x", right).refusal, "");
    const Verdict elsewhere = confirmation(
        "https://sns.example.org/?Token=t-1",
        "qCp/A0nWuIt0Auj0YnkVeanFkq7zZ9b1oKVb3N6bcaZY+wDAr2EPb5mBD1AUrHe7Q2F21EEd6ml+XgteP62snnBBelbjKhtjCFMF"
        "ETnMW0+q70PDB7pX+fWax6Y6Gf6XmfgPUgpfacJHxCXLc06x38xIk0ozrvzoMU4l4JQ597/G74IOBWwtLf4LqSKpP5BI72P+M0fb"
        "B2/IiRAYee63bI9thFsKE4TFeUDGOmiZxHC94IIUZcCBYTPVUhxKesEWUupvyga5CJhuTpWU/cMUhId892u+0gZxJ8dWaOSxLP0M"
        "irmA3izYS1W02MYEJ6qnoZc9u6O3FsAGOQm0trPSZw==");
    EXPECT_EQ(elsewhere.refusal, "the URL to confirm is not at Amazon");
    EXPECT_EQ(elsewhere.detail, "");
}

Sent plivo(const std::string &signature, const std::string &tail, const Form &form) {
    Sent sent{.headers = {.signature = signature, .nonce = "n-1"}};
    sent.form = form;
    sent.urls = {"https://hooks.example.org/webhooks/plivo" + tail};
    return sent;
}

TEST(PlivoMethod, CoversUrlAndFields) {
    const WebhookSettings settings = route("plivo");
    const std::string right = "c2zjxk22bqksh1hX71V6EVKakyM8vthniUP1VLKgxj4=";
    const Form form = {{"To", "15550100001"}, {"Status", "sent"}, {"MessageUUID", "m-1"}};
    EXPECT_EQ(plivo_text("https://hooks.example.org/webhooks/plivo", form, false),
              "https://hooks.example.org/webhooks/plivo?MessageUUIDm-1StatussentTo15550100001");
    EXPECT_EQ(refusal(settings, plivo(right, "", form)), "");
    EXPECT_EQ(refusal(settings, plivo(right, "", form), {"new", secret}), "");
    EXPECT_EQ(refusal(settings, plivo(right, "", form), {"another"}), "wrong signature");
    const std::string two = "AAAA=," + right;
    EXPECT_EQ(refusal(settings, plivo(two, "", form)), "") << "of the subaccount";
    EXPECT_EQ(refusal(settings, plivo(right, "?x=1", form)), "wrong signature");
    Form changed = form;
    changed[1].second = "read";
    EXPECT_EQ(refusal(settings, plivo(right, "", changed)), "wrong signature");
    EXPECT_EQ(refusal(settings, plivo("", "", form)), "wrong signature");
    Sent sent = plivo(right, "", form);
    sent.headers.nonce = "n-2";
    EXPECT_EQ(refusal(settings, sent), "wrong signature");
    sent.headers.nonce = "";
    EXPECT_EQ(refusal(settings, sent), "a header that is signed is missing");
    sent = plivo(right, "", form);
    sent.form.reset();
    EXPECT_EQ(refusal(settings, sent), "Plivo signs forms and queries alone");
}

TEST(PlivoMethod, CoversQueries) {
    const WebhookSettings settings = route("plivo");
    const Form form = {{"To", "15550100001"}, {"Status", "sent"}};
    const std::string of_both = "PvluPwysPl3sJ3rnxw2XuOVBvlOEcvETxYjU0bCVqp4=";
    EXPECT_EQ(plivo_text("https://hooks.example.org/webhooks/plivo?b=2&a=x%20y", form, false),
              "https://hooks.example.org/webhooks/plivo?a=x y&b=2.StatussentTo15550100001");
    EXPECT_EQ(refusal(settings, plivo(of_both, "?b=2&a=x%20y", form)), "");
    const std::string of_get = "hg3cTvXpU8CfWnqFxLFczMbM69zkZcHyoD+9tEeJfsM=";
    Sent get = plivo(of_get, "?To=1&Status=sent", {{"To", "1"}, {"Status", "sent"}});
    get.is_get = true;
    EXPECT_EQ(refusal(settings, get), "");
    get.form = Form{{"To", "1"}, {"Status", "read"}};
    EXPECT_EQ(refusal(settings, get), "wrong signature");
    get.form = Form{{"Status=sent&To", "1"}};
    EXPECT_EQ(refusal(settings, get), "a parameter's name holds & or =");
}

TEST(PlivoMethod, KnowsV2WhereItIsAskedFor) {
    const std::string right = "WjZiCNxhpgJ5MJ6eqWEoAK3adW18O/9QDpTqUbS0STs=";
    const Sent sent = plivo(right, "?x=1", {{"To", "1"}});
    EXPECT_EQ(refusal(route("plivo", {{"auth", "plivo-v2"}}), sent), "");
    EXPECT_EQ(refusal(route("plivo"), sent), "wrong signature");
    EXPECT_EQ(refusal(route("plivo", {{"auth", "plivo-v2"}}), sent, {"another"}), "wrong signature");
}

Sent dlr(const std::string &signature) {
    Sent sent;
    sent.form = Form{{"status", "delivered"}, {"sig", signature},      {"msisdn", "15550100001"},
                     {"messageId", "m-1"},    {"client-ref", "a&b=c"}, {"timestamp", now_text}};
    return sent;
}

TEST(VonageMethod, CoversTheParameters) {
    const WebhookSettings settings = route("vonage-sms");
    EXPECT_EQ(settings.source, "vonage");
    const std::string right = "68f1f6c4333232c0a074675e17146080";
    EXPECT_EQ(refusal(settings, dlr(right)), "");
    EXPECT_EQ(refusal(route("vonage-sms", {{"digest", "md5"}}), dlr("2c577a1bb13c9c64a7f7cc8bfdaa31f4")), "");
    EXPECT_EQ(
        refusal(
            route("vonage-sms", {{"digest", "sha512"}}),
            dlr("574883c658998809bb5e1758dcdfa3e98b0052eda809eb59fdc9e764fec2901e36455c2689f3229c90b261d9a1618bd027b0"
                "1d16c2f417e2a08f0498630e1167")),
        "");
    EXPECT_EQ(refusal(settings, dlr(right), {"another"}), "wrong signature");
    EXPECT_EQ(refusal(settings, dlr("2c577a1bb13c9c64a7f7cc8bfdaa31f4")), "wrong signature");
    Sent sent = dlr(right);
    sent.form->front().second = "failed";
    EXPECT_EQ(refusal(settings, sent), "wrong signature");
    sent = dlr(right);
    sent.form->emplace_back("status", "failed");
    EXPECT_EQ(refusal(settings, sent), "a parameter comes more than once");
    sent = dlr(right);
    sent.at = now + 301;
    EXPECT_EQ(refusal(settings, sent), "the timestamp is too old");
    sent = dlr(right);
    sent.form->erase(sent.form->begin() + 1);
    EXPECT_EQ(refusal(settings, sent), "no parameter sig");
    sent = {};
    sent.text = R"({"status":"delivered","sig":")" + right +
                R"(","msisdn":"15550100001","messageId":"m-1","client-ref":"a&b=c","timestamp":1767225600})";
    EXPECT_EQ(refusal(settings, sent), "") << "JSON";
    sent.text.replace(sent.text.find("1767225600"), 10, "1767225600,\"x\":{}");
    EXPECT_EQ(refusal(settings, sent), "no parameter sig") << "what is nested is not signed";
    for (const char *name : {"client-ref=x&status", "a&b", "a=b"}) {
        sent = dlr(right);
        sent.form->front().first = name;
        EXPECT_EQ(refusal(settings, sent), "a parameter's name holds & or =") << name;
    }
    const Sent whole = dlr(right);
    Evidence evidence{.headers = whole.headers, .form = &*whole.form};
    evidence.now = now;
    EXPECT_EQ(make_method(settings, {secret})->check(evidence).covered,
              R"({"client-ref":"a&b=c","messageId":"m-1","msisdn":"15550100001","status":"delivered","timestamp":")" +
                  now_text + "\"}");
}

TEST(SecretMethod, ComparesAHeader) {
    EXPECT_EQ(refusal(route("gupshup"), with("Bearer secret-one")), "");
    EXPECT_EQ(refusal(route("gupshup"), with("secret-one")), "");
    EXPECT_EQ(refusal(route("360dialog"), with("bearer secret-one")), "");
    for (const char *wrong : {"Bearer secret-two", "Bearer secret-on", "Bearer secret-one1", "Bearer ", "secret-onE"})
        EXPECT_EQ(refusal(route("gupshup"), with(wrong)), "wrong secret") << wrong;
    EXPECT_EQ(refusal(route("gupshup"), with("secret-one"), {"new", secret}), "");
    EXPECT_EQ(refusal(route("gupshup"), with("secret-one"), {"new"}), "wrong secret");
    for (const char *given : {"secret-one", "Bearer secret-one", "BEARER  secret-one"}) {
        for (const char *sent : {"secret-one", "Bearer secret-one", "bearer secret-one"})
            EXPECT_EQ(refusal(route("360dialog"), with(sent), {given}), "") << given << " / " << sent;
    }
    EXPECT_EQ(refusal(route("360dialog"), with("Bearersecret-one")), "wrong secret");
    EXPECT_EQ(refusal(route("360dialog"), with("bearerTok123"), {"bearerTok123"}), "");
    EXPECT_EQ(refusal(route("360dialog"), with("Bearer bearerTok123"), {"bearerTok123"}), "");
    EXPECT_EQ(refusal(route("360dialog"), with("Tok123"), {"bearerTok123"}), "wrong secret");
    const WebhookSettings own = route("own", {{"auth", "header"}, {"header", "X"}, {"prefix", "key="}});
    EXPECT_EQ(refusal(own, with("key=secret-one")), "");
    EXPECT_EQ(refusal(own, with("key="), {"key="}), "") << "all of it is the secret";
    EXPECT_EQ(refusal(own, with("key=")), "wrong secret");
}

TEST(SecretMethod, ComparesHttpBasic) {
    const std::vector<std::string> users = {"ann:open sesame", "bob:x"};
    EXPECT_EQ(refusal(route("infobip"), with("Basic YW5uOm9wZW4gc2VzYW1l"), users), "");
    EXPECT_EQ(refusal(route("bandwidth"), with("basic Ym9iOng="), users), "");
    EXPECT_EQ(refusal(route("infobip"), with("Basic YW5uOng="), users), "wrong secret") << "ann:x";
    EXPECT_EQ(refusal(route("infobip"), with("Basic"), users), "wrong secret");
    EXPECT_EQ(refusal(route("infobip"), with("ann:open sesame"), users), "the header is not HTTP Basic");
}

TEST(SecretMethod, ComparesAParameter) {
    Sent sent;
    const auto asked = [&](const std::string &query) {
        sent.query = query;
        return refusal(route("wati"), sent);
    };
    EXPECT_EQ(asked("token=secret-one"), "");
    EXPECT_EQ(asked("a=1&token=secret%2done"), "");
    EXPECT_EQ(asked("token=secret-two"), "wrong secret");
    EXPECT_EQ(asked("token="), "wrong secret");
    EXPECT_EQ(asked(""), "no secret in the query");
    EXPECT_EQ(asked("Token=secret-one"), "no secret in the query");
    EXPECT_EQ(asked("token=secret-one&token=x"), "more than one secret in the query");
}

} // namespace
} // namespace msgstatus::receiver
