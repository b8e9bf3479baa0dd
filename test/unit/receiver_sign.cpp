// The headers that `sign` prints, against signatures computed elsewhere.

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "commands/commands.hpp"

namespace msgstatus::receiver {
namespace {

const std::string form_header = "Content-Type: application/x-www-form-urlencoded\n";
const std::string json_header = "Content-Type: application/json\n";
const std::string twilio_url = "https://mycompany.com/myapp.php?foo=1&bar=2";
const std::string twilio_form =
    "Digits=1234&CallSid=CA1234567890ABCDE&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309";

Config config_for(const std::string &provider) {
    Config config;
    config.sign_provider = provider;
    return config;
}

// Computed with: printf %s BODY | openssl dgst -sha256 -hmac KEY
TEST(SignedHeaders, OfMetaAndAisensyCoverTheBody) {
    Config config = config_for("meta");
    config.secrets.meta_app_secrets = {"test_app_secret", "another"};
    EXPECT_EQ(signed_headers(config, R"({"object":"whatsapp_business_account","entry":[]})"),
              json_header +
                  "X-Hub-Signature-256: sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756\n");
    config = config_for("aisensy");
    config.secrets.aisensy_secrets = {"shared"};
    EXPECT_EQ(signed_headers(config, R"({"a":1,"b":"x y","c":["é",null]})"),
              json_header + "X-AiSensy-Signature: 8adcac46b3897a5337ecf50e9557baad60f18516b582163b6872899aff0bee23\n");
}

// The first signature is Twilio's own example; the second is computed with
// printf %s URL PARAMETERS | openssl dgst -sha256 -hmac shared-key -binary | base64
TEST(SignedHeaders, OfTwilioCoverTheUrlAndTheForm) {
    Config config = config_for("twilio");
    config.sign_url = twilio_url;
    config.secrets.twilio_auth_tokens = {"12345"};
    EXPECT_EQ(signed_headers(config, twilio_form), form_header + "X-Twilio-Signature: RSOYDt4T1cUTdK1PDd93/VVr8B8=\n");
    config.secrets.twilio_auth_tokens.clear();
    config.secrets.twilio_signing_keys = {"AKone=shared-key"};
    EXPECT_EQ(signed_headers(config, twilio_form),
              form_header + "X-Twilio-Webhooks-Signature-Settings: key=AKone,algorithm=HMAC_SHA256\n"
                            "X-Twilio-Signature: QCYQe9VNqWEX8V0a+2j9n84Rig/VQSYoRshsCS4nk38=\n");
}

// Computed with: printf %s URL | openssl dgst -sha1 -hmac 12345 -binary | base64
TEST(SignedHeaders, OfTwilioWithoutAFormCoverTheUrl) {
    Config config = config_for("twilio");
    config.secrets.twilio_auth_tokens = {"12345"};
    config.sign_url = "https://a.b/c?MessageSid=SM1&MessageStatus=sent";
    EXPECT_EQ(signed_headers(config, ""), "X-Twilio-Signature: Ys4jCXcTc1Jol4Yb1qIXyTLIQWg=\n") << "a callback by GET";
    EXPECT_THROW(signed_headers(config, "{}"), ConfigError) << "the URL lacks the hash of the body";
    config.sign_url = "https://a.b/c?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    EXPECT_EQ(signed_headers(config, "{}"), json_header + "X-Twilio-Signature: jTmIUY43XvuxwCCy9qajmck5xvY=\n");
}

TEST(SignedHeaders, NeedASecretAndTwilioAUrl) {
    for (const char *provider : {"meta", "twilio", "aisensy"}) {
        Config config = config_for(provider);
        config.sign_url = twilio_url;
        EXPECT_THROW(signed_headers(config, "a=b"), ConfigError) << provider;
    }
    Config config = config_for("twilio");
    config.secrets.twilio_auth_tokens = {"12345"};
    EXPECT_THROW(signed_headers(config, "a=b"), ConfigError) << "no URL";
    config.sign_url = twilio_url;
    EXPECT_THROW(signed_headers(config, "a=%"), std::runtime_error) << "no form";
}

} // namespace
} // namespace msgstatus::receiver
