// Signed tokens: what is right, and everything near it that must not pass. The tokens come from Python's hmac.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "receiver_method.hpp"

namespace msgstatus::receiver {
namespace {

using namespace method_test;

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

} // namespace
} // namespace msgstatus::receiver
