// Plivo's and Vonage's signatures of URL and parameters: what is right, and everything near it that must not pass. The
// signatures come from Python's hmac and hashlib.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "receiver_method.hpp"

namespace msgstatus::receiver {
namespace {

using namespace method_test;

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

} // namespace
} // namespace msgstatus::receiver
