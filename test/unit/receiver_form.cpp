// Form bodies: decoding, limits, and the JSON they become.

#include <gtest/gtest.h>

#include "webhook/form.hpp"
#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

TEST(DecodeForm, DecodesNamesAndValues) {
    const auto form =
        decode_form("MessageSid=SM1&To=whatsapp%3A%2B14155550100&Body=a+b%26c&Empty=&Bare&=nameless&&x=%C3%A9");
    ASSERT_TRUE(form);
    const Form expected = {{"MessageSid", "SM1"},
                           {"To", "whatsapp:+14155550100"},
                           {"Body", "a b&c"},
                           {"Empty", ""},
                           {"Bare", ""},
                           {"", "nameless"},
                           {"x", "é"}};
    EXPECT_EQ(*form, expected);
    EXPECT_EQ(decode_form(""), Form());
}

TEST(DecodeForm, DoesNotTrimValues) {
    EXPECT_EQ(decode_form("a=+b+")->front().second, " b ");
}

TEST(DecodeForm, KeepsWhatFollowsTheFirstEqualsSign) {
    EXPECT_EQ(decode_form("a=b=c")->front().second, "b=c");
}

TEST(DecodeForm, RefusesMalformedEscapesAndEncodings) {
    for (const char *text : {"a=%", "a=%4", "a=%zz", "%g1=b", "a=%ff", "a=%C3", "a=%C0%80", "a=%ED%A0%80", "a=\xff"})
        EXPECT_FALSE(decode_form(text)) << text;
}

TEST(DecodeForm, RefusesTooManyFields) {
    std::string text = "a=b";
    for (std::size_t i = 1; i < max_form_fields; ++i)
        text += "&a=b";
    EXPECT_TRUE(decode_form(text));
    EXPECT_FALSE(decode_form(text + "&a=b"));
}

TEST(FormToJson, WritesOneObjectOfTexts) {
    EXPECT_EQ(form_to_json({{"MessageSid", "SM1"}, {"ErrorCode", "30003"}, {"Say", "\"\\\n"}}),
              R"({"MessageSid":"SM1","ErrorCode":"30003","Say":"\"\\\n"})");
    EXPECT_EQ(form_to_json({{"a", std::string("\0", 1)}}), R"({"a":"\u0000"})");
}

TEST(FormToJson, MakesAnArrayOfDistinctValuesOfARepeatedName) {
    EXPECT_EQ(form_to_json({{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", "1"}}), R"({"a":["1","3"],"b":"2"})");
    EXPECT_EQ(form_to_json({{"a", "1"}, {"a", "1"}}), R"({"a":"1"})");
}

TEST(FormValue, FindsTheFirst) {
    const Form form = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
    EXPECT_EQ(form_value(form, "a"), "1");
    EXPECT_EQ(form_value(form, "c"), std::nullopt);
}

TEST(IsUtf8, KnowsTheLimitsOfEachLength) {
    for (const char *text :
         {"", "plain", "\u00e9", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"})
        EXPECT_TRUE(is_utf8(text)) << text;
    for (const char *text : {"\x80", "\xbf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                             "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc3\x28"})
        EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(EncodeBase64, Pads) {
    EXPECT_EQ(encode_base64(std::string_view("\1\2\3\4", 4)), "AQIDBA==");
    EXPECT_EQ(encode_base64(std::string_view("\1\2\3\377", 4)), "AQID/w==");
    EXPECT_EQ(encode_base64("abc"), "YWJj");
    EXPECT_EQ(encode_base64(""), "");
}

} // namespace
} // namespace msgstatus::receiver
