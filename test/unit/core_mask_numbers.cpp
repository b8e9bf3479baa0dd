// Foreign texts: every part that may hold a phone number is masked, the rest stays as it is.
#include "core/mask_numbers.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

// The buffer has exactly the size the header promises to be enough.
std::string masked(std::string_view text) {
    std::vector<char> out(text.size());
    const std::size_t size = msgstatus::mask_numbers(text, out.data());
    EXPECT_LE(size, out.size());
    return {out.data(), size};
}

TEST(MaskNumbers, Numbers) {
    for (const std::string_view number :
         {"+15550100001", "15550100001", "1555010", "+1 (555) 010-0001", "1.555.010.0001", "1 - 555 - 010 - 0001",
          "1\u00a0555\u00a0010\u00a00001", "+1--555--010"})
        EXPECT_EQ(masked("to " + std::string(number) + ": gone"), "to ***: gone") << number;
}

TEST(MaskNumbers, WordsThatMayHoldOne) {
    for (const std::string_view word : {"wamid.HBgLMTU1NTAxMDAwMDEVAgARGBI=", "MTU1NTAxMDAwMDE", "MTU1NTAxMA",
                                        "AC0123456789abcdef", "HBgL-TU1N_AxMDAwMD+/", "m_VtU1NTAxMDAwMDEVAgARGBI"})
        EXPECT_EQ(masked("of " + std::string(word) + " gone"), "of *** gone") << word;
}

TEST(MaskNumbers, NextToOthers) {
    EXPECT_EQ(masked("1 MTU1NTAxMDAwMDE"), "1 ***");
    EXPECT_EQ(masked("1 2 3MTU1NTAxMDAwMDE"), "1 2 ***");
    EXPECT_EQ(masked("+15550100001,MTU1NTAxMDAwMDE"), "***,***");
    EXPECT_EQ(masked("123 45678MTU1NTAxMDAwMDE"), "******");
    EXPECT_EQ(masked("+15550100001 and +15550100002"), "*** and ***");
}

TEST(MaskNumbers, TheRestStays) {
    for (const std::string_view text :
         {"", "Message undeliverable", "(#131047) Re-engagement message", "131026", "message_template_limit_exceeded",
          "SomeThingWithoutDigits", "code 30003, try 2 of 3", "+", "123456", "1\u00a02\u00a03",
          "Zustellung unm\u00f6glich", "1    555010"})
        EXPECT_EQ(masked(text), text) << text;
}

TEST(MaskNumbers, LongTexts) {
    const std::string letters(1 << 20, 'a');
    EXPECT_EQ(masked(letters), letters);
    std::string gaps;
    for (int i = 0; i < 1 << 18; ++i)
        gaps += "1--";
    EXPECT_EQ(masked(gaps), "***--");
    std::string short_numbers;
    for (int i = 0; i < 1 << 18; ++i)
        short_numbers += "1----";
    EXPECT_EQ(masked(short_numbers), short_numbers);
}

} // namespace
