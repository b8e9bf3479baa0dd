// What an operator sees of a webhook that waits: its shape, and nobody's words or numbers.

#include <gtest/gtest.h>

#include "spool/content_mask.hpp"

namespace msgstatus::receiver {
namespace {

TEST(MaskContent, ShowsTheShape) {
    EXPECT_EQ(mask_content(R"({"a": [1, "x", {"b": null}, true, []], "c": {}})"),
              R"({"a":[*,"*",{"b":null},true,[]],"c":{}})");
    EXPECT_EQ(mask_content("[[1,2],[3]]"), "[[*,*],[*]]");
    EXPECT_EQ(mask_content("\"x\""), "\"*\"");
}

TEST(MaskContent, ShowsStatesAndKinds) {
    EXPECT_EQ(mask_content(R"({"status": "delivered", "type": "text", "code": 131047, "text": "delivered"})"),
              R"({"status":"delivered","type":"text","code":131047,"text":"*"})");
    EXPECT_EQ(mask_content(R"({"status": ["delivered"], "type": {"a": "b"}})"), R"({"status":["*"],"type":{"a":"*"}})");
}

TEST(MaskContent, HidesNumbersOfPhonesWhereverTheyStand) {
    const std::string shown =
        mask_content(R"({"status": "14155550100", "type": "wamid.HBgLMTQxNTU1NTAxMDAVAgARGBI", "14155550100": 1})");
    EXPECT_EQ(shown, R"({"status":"14*******00","type":"wamid.*","14*******00":*})");
}

TEST(MaskContent, SendsNothingToTheTerminal) {
    EXPECT_EQ(mask_content("{\"a\\u001b[31m\\\"\": 1, \"status\": \"\\u001b]0;x\\u0007\"}"),
              "{\"a**31m*\":*,\"status\":\"**0*x*\"}");
}

TEST(MaskContent, IsBounded) {
    const std::string shown = mask_content("[" + std::string(100'000, '[') + std::string(100'000, ']') + "]", 100);
    EXPECT_EQ(shown, std::string(100, '[') + "...");
    EXPECT_EQ(mask_content("no JSON at all 14155550100"), "*");
    EXPECT_EQ(mask_content(""), "*");
}

} // namespace
} // namespace msgstatus::receiver
