// The signatures of PROVIDERS' documentation, and everything near them that must not pass.

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "webhook/signature.hpp"

namespace msgstatus::receiver {
namespace {

const std::string meta_body = R"({"object":"whatsapp_business_account","entry":[]})";
const std::string meta_hex = "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756";

TEST(MetaSignature, AcceptsTheVector) {
    MetaSignature meta({"test_app_secret"});
    EXPECT_TRUE(meta.verify("sha256=" + meta_hex, meta_body));
    EXPECT_TRUE(meta.verify("sha256=" + meta_hex, meta_body)) << "the key must survive its first use";
}

TEST(MetaSignature, RefusesEverythingElse) {
    MetaSignature meta({"test_app_secret"});
    EXPECT_FALSE(meta.verify("", meta_body));
    EXPECT_FALSE(meta.verify("sha256=", meta_body));
    EXPECT_FALSE(meta.verify(meta_hex, meta_body)) << "without its prefix";
    EXPECT_FALSE(meta.verify("sha1=" + meta_hex, meta_body));
    EXPECT_FALSE(meta.verify("sha256=" + meta_hex + "00", meta_body));
    EXPECT_FALSE(meta.verify("sha256=" + meta_hex.substr(2), meta_body));
    EXPECT_FALSE(meta.verify("sha256=" + std::string(64, 'g'), meta_body));
    for (std::size_t i = 0; i < meta_body.size(); ++i) {
        std::string changed = meta_body;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(meta.verify("sha256=" + meta_hex, changed)) << "byte " << i;
    }
    EXPECT_FALSE(MetaSignature({"another_secret"}).verify("sha256=" + meta_hex, meta_body));
    EXPECT_FALSE(MetaSignature({}).verify("sha256=" + meta_hex, meta_body));
}

TEST(MetaSignature, AcceptsAnyOfTwoSecrets) {
    EXPECT_TRUE(MetaSignature({"new", "test_app_secret"}).verify("sha256=" + meta_hex, meta_body));
    EXPECT_TRUE(MetaSignature({"test_app_secret", "new"}).verify("sha256=" + meta_hex, meta_body));
}

const Form call = {{"CallSid", "CA1234567890ABCDE"},
                   {"Digits", "1234"},
                   {"From", "+14158675309"},
                   {"To", "+18005551212"},
                   {"Caller", "+14158675309"}};
const std::string twilio_url = "https://mycompany.com/myapp.php?foo=1&bar=2";
const std::string twilio_url_with_port = "https://mycompany.com:443/myapp.php?foo=1&bar=2";

TEST(TwilioSignature, AcceptsTheVectorsWithAndWithoutPort) {
    TwilioSignature twilio({"12345"});
    for (const std::string &url : {twilio_url, twilio_url_with_port}) {
        EXPECT_TRUE(twilio.verify_form("RSOYDt4T1cUTdK1PDd93/VVr8B8=", url, call)) << url;
        EXPECT_TRUE(twilio.verify_form("kvajT1Ptam85bY51eRf/AJRuM3w=", url, call)) << url;
    }
}

TEST(TwilioSignature, SortsDistinctNamesAndValues) {
    TwilioSignature twilio({"12345"});
    const std::string signature = "IK+Dwps556ElfBT0I3Rgjkr1wJU=";
    Form form = {{"Sid", "CA123"}, {"SidAccount", "AC123"}, {"Digits", "5678"}, {"Digits", "1234"}, {"Digits", "1234"}};
    EXPECT_EQ(twilio_parameters(form), "Digits1234Digits5678SidCA123SidAccountAC123");
    EXPECT_TRUE(twilio.verify_form(signature, twilio_url, form));
    std::swap(form[0], form[4]);
    EXPECT_TRUE(twilio.verify_form(signature, twilio_url, form));
    form[0].second = "9999";
    EXPECT_FALSE(twilio.verify_form(signature, twilio_url, form));
}

TEST(TwilioSignature, RefusesEverythingElse) {
    TwilioSignature twilio({"12345"});
    const std::string signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    EXPECT_FALSE(twilio.verify_form("", twilio_url, call));
    EXPECT_FALSE(twilio.verify_form("RSOYDt4T1cUTdK1PDd93/VVr8B8", twilio_url, call));
    EXPECT_FALSE(twilio.verify_form("RSOYDt4T1cUTdK1PDd93/VVr8B9=", twilio_url, call));
    EXPECT_FALSE(twilio.verify_form(signature + "AAAA", twilio_url, call));
    EXPECT_FALSE(twilio.verify_form(signature, "http://mycompany.com/myapp.php?foo=1&bar=2", call));
    EXPECT_FALSE(twilio.verify_form(signature, "https://mycompany.com/myapp.php?foo=1", call));
    EXPECT_FALSE(TwilioSignature({"12346"}).verify_form(signature, twilio_url, call));
    Form more = call;
    more.emplace_back("MessageStatus", "delivered");
    EXPECT_FALSE(twilio.verify_form(signature, twilio_url, more));
}

// Computed with: printf %s URL | openssl dgst -sha1 -hmac 12345 -binary | base64
TEST(TwilioSignature, VerifiesJsonThroughBodySha256) {
    TwilioSignature twilio({"12345"});
    const std::string body = R"({"property": "value", "boolean": true})";
    const std::string url = "https://mycompany.com/events?bodySHA256="
                            "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    EXPECT_TRUE(twilio.verify_body("Tdixu0bzAlk0RGhs3GG9Zi4mN1o=", url, body));
    EXPECT_FALSE(twilio.verify_body("Tdixu0bzAlk0RGhs3GG9Zi4mN1o=", url, body + " "));
    EXPECT_FALSE(twilio.verify_body("RSOYDt4T1cUTdK1PDd93/VVr8B8=", twilio_url, body))
        << "nothing vouches for the body";
}

// Computed with: printf %s URL PARAMETERS | openssl dgst -sha256 -hmac shared-key -binary | base64
TEST(TwilioSignature, VerifiesSha256WithTheKeyThatIsNamed) {
    const std::string signature = "QCYQe9VNqWEX8V0a+2j9n84Rig/VQSYoRshsCS4nk38=";
    const std::string settings = "key=AKone,algorithm=HMAC_SHA256";
    TwilioSignature twilio({"12345"}, {"AKone=old", "AKone=shared-key", "AKtwo=other"});
    EXPECT_TRUE(twilio.verify_form(signature, twilio_url, call, settings));
    EXPECT_TRUE(twilio.verify_form(signature, twilio_url_with_port, call, " algorithm=HMAC_SHA256, key=AKone "));
    EXPECT_TRUE(TwilioSignature({}, {"AKone=shared-key"}).verify_form(signature, twilio_url, call, settings));
    EXPECT_TRUE(twilio.verify_form("RSOYDt4T1cUTdK1PDd93/VVr8B8=", twilio_url, call))
        << "the auth token is still valid";
    for (const char *wrong : {"", "key=AKtwo,algorithm=HMAC_SHA256", "key=AKthree,algorithm=HMAC_SHA256", "key=AKone",
                              "key=AKone,algorithm=HMAC_SHA1", "key=AKone,algorithm=none", "algorithm=HMAC_SHA256",
                              "key=,algorithm=HMAC_SHA256", "key=AKtwo,key=AKone,algorithm=HMAC_SHA256", "key", ","})
        EXPECT_FALSE(twilio.verify_form(signature, twilio_url, call, wrong)) << wrong;
    EXPECT_FALSE(twilio.verify_form("RSOYDt4T1cUTdK1PDd93/VVr8B8=", twilio_url, call, settings)) << "HMAC-SHA1";
    EXPECT_FALSE(twilio.verify_form(signature, "https://mycompany.com/myapp.php?foo=1", call, settings));
    EXPECT_FALSE(TwilioSignature({"shared-key"}).verify_form(signature, twilio_url, call, settings)) << "no key is set";
    EXPECT_TRUE(twilio.knows(settings));
    EXPECT_FALSE(twilio.knows("key=AKthree,algorithm=HMAC_SHA256"));
}

// Signed with Hmac itself: the subject here is the text that is signed.
bool accepts_as_signed(const std::string &wire, const std::string &as_signed) {
    return TwilioSignature({"12345"}).verify_form(Hmac("SHA1", "12345").base64({as_signed}), wire, {});
}

TEST(TwilioSignature, AcceptsOtherEncodingsOfTheQuery) {
    const std::string url = "https://a.b/c?d=";
    EXPECT_TRUE(accepts_as_signed(url + "It's", url + "It%27s"));
    EXPECT_TRUE(accepts_as_signed(url + "It%27s", url + "It's"));
    EXPECT_TRUE(accepts_as_signed(url + "x+y", url + "x%20y"));
    EXPECT_TRUE(accepts_as_signed(url + "x%20y", url + "x+y"));
    EXPECT_TRUE(accepts_as_signed(url + "x@y", url + "x%40y"));
    EXPECT_TRUE(accepts_as_signed(url + "x@y", "https://a.b:443/c?d=x%40y"));
    EXPECT_TRUE(accepts_as_signed(url + "x%40y", url + "x@y"));
    EXPECT_TRUE(accepts_as_signed(url + "a%3Ab%2Fc%3Fd%2Ce", url + "a:b/c?d,e"));
    EXPECT_TRUE(accepts_as_signed(url + "It%27s%40home", url + "It's@home"));
    EXPECT_TRUE(accepts_as_signed(url + "It's%40home", url + "It%27s@home"));
    EXPECT_TRUE(accepts_as_signed(url + "It's(1)", url + "It%27s(1)"));
    EXPECT_TRUE(accepts_as_signed(url + "It's%2fx&flag", url + "It%27s%2fx&flag")) << "escapes and fields stay";
    EXPECT_TRUE(accepts_as_signed(url + "\xc3\xa9", url + "%C3%A9"));
    EXPECT_FALSE(accepts_as_signed(url + "x%23y", url + "x#y"));
    EXPECT_FALSE(accepts_as_signed(url + "x%3Dy", url + "x=y"));
    EXPECT_FALSE(accepts_as_signed(url + "x", url + "y"));
    EXPECT_FALSE(accepts_as_signed(url + "x%26e=y", url + "x&e=y")) << "other fields";
    EXPECT_FALSE(accepts_as_signed(url + "x%2By", url + "x+y")) << "a plus sign is no space";
}

TEST(TwilioSignature, AcceptsBracketsThatWereEscapedOnTheWay) {
    const std::string url = "https://a.b/c?";
    EXPECT_TRUE(accepts_as_signed(url + "d%5B%5D=e&d%5b%5d=f", url + "d[]=e&d[]=f"));
    EXPECT_TRUE(accepts_as_signed(url + "d[]=e", url + "d%5B%5D=e")) << "the reverse";
    EXPECT_TRUE(accepts_as_signed(url + "d%5B%5D=e%40f%20g", url + "d[]=e%40f%20g")) << "all else as it came";
    EXPECT_TRUE(accepts_as_signed(url + "d%5B%5D=e%40f", url + "d[]=e@f")) << "all else as people write it";
    EXPECT_TRUE(accepts_as_signed(url + "d%5B%5D=e", "https://a.b:443/c?d[]=e"));
    EXPECT_FALSE(accepts_as_signed(url + "d%5B%5D=e", url + "d[=e"));
    EXPECT_FALSE(accepts_as_signed(url + "d%5B%5D=e", url + "d=e"));
    EXPECT_FALSE(accepts_as_signed("https://a.b/%5B%5D?d=e", "https://a.b/[]?d=e")) << "the path stays";
}

TEST(TwilioSignature, AcceptsEmptyFieldsWithAndWithoutTheirEqualsSign) {
    const std::string url = "https://a.b/c?";
    EXPECT_TRUE(accepts_as_signed(url + "d=", url + "d"));
    EXPECT_TRUE(accepts_as_signed(url + "d", url + "d=")) << "the reverse";
    EXPECT_TRUE(accepts_as_signed(url + "d=&e=f&g=", url + "d&e=f&g"));
    EXPECT_TRUE(accepts_as_signed(url + "d%5B%5D=&e=f", url + "d[]&e=f"));
    EXPECT_TRUE(accepts_as_signed(url + "e=x@y&d=", url + "e=x%40y&d"));
    EXPECT_FALSE(accepts_as_signed(url + "d==", url + "d=")) << "the value is an equals sign";
    EXPECT_FALSE(accepts_as_signed(url + "d=e", url + "d"));
    EXPECT_FALSE(accepts_as_signed(url + "d=&e=f", url + "e=f"));
}

TEST(UrlSpellings, AreFewAndDistinct) {
    EXPECT_EQ(url_spellings("https://a.b/c").size(), 1U);
    EXPECT_EQ(url_spellings("https://a.b/c?d=e").size(), 1U);
    const std::vector<std::string> most = url_spellings("https://a.b/c?d%5B%5D=It's+x@y%2fz\xc3\xa9!~$&f=&g%27=%40");
    EXPECT_LE(most.size(), 20U);
    EXPECT_EQ(std::set<std::string>(most.begin(), most.end()).size(), most.size());
    EXPECT_EQ(most.front(), "https://a.b/c?d%5B%5D=It's+x@y%2fz\xc3\xa9!~$&f=&g%27=%40");
}

TEST(UrlWithOtherPort, AddsOrRemovesThePort) {
    EXPECT_EQ(url_with_other_port("https://a.b/c?d=e:1"), "https://a.b:443/c?d=e:1");
    EXPECT_EQ(url_with_other_port("http://a.b/c"), "http://a.b:80/c");
    EXPECT_EQ(url_with_other_port("https://a.b:8443/c"), "https://a.b/c");
    EXPECT_EQ(url_with_other_port("https://a.b?c"), "https://a.b:443?c");
    EXPECT_EQ(url_with_other_port("https://[::1]/c"), "https://[::1]:443/c");
    EXPECT_EQ(url_with_other_port("https://[::1]:443/c"), "https://[::1]/c");
    EXPECT_EQ(url_with_other_port("https://user:word@a.b/c"), "https://user:word@a.b:443/c");
}

// Computed with: printf %s BODY | openssl dgst -sha256 -hmac shared
TEST(AisensySignature, AcceptsRawAndCompactBodies) {
    AisensySignature aisensy({"shared"});
    const std::string compact = R"({"a":1,"b":"x y","c":["é",null]})";
    const std::string of_compact = "8adcac46b3897a5337ecf50e9557baad60f18516b582163b6872899aff0bee23";
    const std::string spaced = "{ \"a\": 1,\n \"b\": \"x y\", \"c\": [\"\\u00e9\", null] }\n";
    const std::string of_spaced = "9eab64d86f649085af3ec829e72b98aa1d75b994d4173a35c4c2ca378c636506";
    EXPECT_TRUE(aisensy.verify(of_compact, compact));
    EXPECT_TRUE(aisensy.verify("sha256=" + of_compact, compact));
    EXPECT_TRUE(aisensy.verify(of_spaced, spaced)) << "the raw bytes";
    EXPECT_TRUE(aisensy.verify(of_compact, spaced)) << "as JSON.stringify prints it";
    EXPECT_TRUE(aisensy.verify("sha256=f39d0ea25b43358b8fbfbc187c1861d876e441ead94a23314cc7c70c454451d8", spaced))
        << "without the space, the escapes as they came";
    EXPECT_FALSE(aisensy.verify(of_spaced, compact));
    EXPECT_FALSE(aisensy.verify(of_compact, R"({"a":2,"b":"x y","c":["é",null]})"));
    EXPECT_FALSE(aisensy.verify("", compact));
    EXPECT_FALSE(aisensy.verify(of_compact, "no json"));
    EXPECT_FALSE(AisensySignature({"other"}).verify(of_compact, compact));
}

TEST(AisensySignature, RefusesTheSignatureOfNothing) {
    AisensySignature aisensy({"shared"});
    const std::string of_nothing = "53d804bbed467ef8ba889c37a3167e2f64427ad8289cf4cfcd4daeb683e6907f";
    EXPECT_TRUE(aisensy.verify(of_nothing, ""));
    for (const char *body : {"{}", "\"\\ud800\"", "1e400"})
        EXPECT_FALSE(aisensy.verify(of_nothing, body)) << body;
}

} // namespace
} // namespace msgstatus::receiver
