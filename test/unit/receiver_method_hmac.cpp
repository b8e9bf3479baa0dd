// HMACs of configured routes: what is right, and everything near it that must not pass. The signatures come from
// Standard Webhooks' specification, and from Python's hmac.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "receiver_method.hpp"

namespace msgstatus::receiver {
namespace {

using namespace method_test;

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

} // namespace
} // namespace msgstatus::receiver
