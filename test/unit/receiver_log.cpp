// Log lines, and what must never be in them.

#include <gtest/gtest.h>

#include "observe/log.hpp"

namespace msgstatus::receiver {
namespace {

TEST(MaskPhoneNumbers, KeepsTheEndsOnly) {
    EXPECT_EQ(mask_personal_data("to +14155550100 now"), "to +14*******00 now");
    EXPECT_EQ(mask_personal_data("whatsapp:+14155550100,14155550101"), "whatsapp:+14*******00,14*******01");
    EXPECT_EQ(mask_personal_data("+1 (415) 555-0100."), "+1 (4**) ***-**00.");
    EXPECT_EQ(mask_personal_data("5550100"), "55***00");
}

TEST(MaskPhoneNumbers, LeavesShortNumbersAlone) {
    EXPECT_EQ(mask_personal_data("line 12, column 345, code 131026"), "line 12, column 345, code 131026");
    EXPECT_EQ(mask_personal_data(""), "");
}

TEST(MaskPhoneNumbers, HidesMessageIdsOfWhatsApp) {
    EXPECT_EQ(mask_personal_data("key (wamid.HBgLMTQxNTU1NTI2NzEVAgARGBI=) exists"), "key (wamid.*) exists");
}

TEST(MaskPhoneNumbers, HidesMailAddresses) {
    EXPECT_EQ(mask_personal_data("no to Jane.Doe+x@mail.example.org, please"), "no to *@*, please");
    EXPECT_EQ(mask_personal_data("(a@b)"), "(*@*)");
    EXPECT_EQ(mask_personal_data("5 @ 3"), "5 @ 3");
}

TEST(MaskPhoneNumbers, LimitsTheLength) {
    EXPECT_EQ(mask_personal_data(std::string(1000, 'x'), 10), "xxxxxxxxxx...");
}

TEST(FormatLogLine, QuotesWhereNeeded) {
    EXPECT_EQ(format_log_line(LogFormat::logfmt, "listening", {{"address", "127.0.0.1"}, {"port", 8080}}),
              "event=listening address=127.0.0.1 port=8080");
    EXPECT_EQ(format_log_line(LogFormat::logfmt, "two words", {{"empty", ""}, {"text", "a=\"b\"\n"}}),
              R"(event="two words" empty="" text="a=\"b\"\n")");
    EXPECT_EQ(format_log_line(LogFormat::json, "two words", {{"port", 8080}, {"text", "a\"b"}}),
              R"("event":"two words","port":8080,"text":"a\"b")");
}

TEST(FormatLogLine, ShowsNoHalfCharacters) {
    const std::string text = mask_personal_data("\u00e4\u00e4\u00e4", 3); // cut within the second
    EXPECT_EQ(format_log_line(LogFormat::json, "e", {{"t", text}}), R"("event":"e","t":"???...")");
    EXPECT_EQ(format_log_line(LogFormat::logfmt, "e", {{"t", text}}), "event=e t=???...");
    EXPECT_EQ(format_log_line(LogFormat::logfmt, "e", {{"t", "\u00e4"}}), "event=e t=\u00e4");
}

} // namespace
} // namespace msgstatus::receiver
