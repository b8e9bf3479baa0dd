// Base64 and the members of JSON objects, as methods read them.

#include <gtest/gtest.h>

#include "base/text_codec.hpp"
#include "webhook/json_check.hpp"

namespace msgstatus::receiver {
namespace {

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

} // namespace
} // namespace msgstatus::receiver
