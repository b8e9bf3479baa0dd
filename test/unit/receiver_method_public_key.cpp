// Ed25519 and SNS: what is right, and everything near it that must not pass. The signatures come from openssl.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "receiver_method.hpp"

namespace msgstatus::receiver {
namespace {

using namespace method_test;

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

} // namespace
} // namespace msgstatus::receiver
