// Addresses: phone numbers get one spelling, anything else stays as it is.
#include "core/phone.hpp"

#include "core_random.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

// The buffer has exactly the size the header promises to be enough, so that a sanitizer or a checking allocator sees a
// byte too many.
std::string normalized(std::string_view address) {
    std::vector<char> out(address.size() + 1);
    const std::size_t size = msgstatus::normalize_address(address, out.data());
    EXPECT_LE(size, out.size());
    return {out.data(), size};
}

TEST(Phone, OneSpellingOfANumber) {
    for (const std::string_view address :
         {"+14155238886", "14155238886", "whatsapp:+14155238886", "whatsapp:14155238886", "WhatsApp:+14155238886",
          "WHATSAPP: +14155238886", "  +14155238886 ", "+1 415 523 8886", "+1 (415) 523-8886", "+1.415.523.8886",
          "1-415-523-8886", "\t14155238886\n", "(1)4155238886"})
        EXPECT_EQ(normalized(address), "+14155238886") << address;
}

TEST(Phone, Channels) {
    for (const std::string_view address : {"rcs:+14155238886", "SMS:14155238886", "mms: 14155238886",
                                           "viber:+14155238886", "rcs:whatsapp:sms:+14155238886"})
        EXPECT_EQ(normalized(address), "+14155238886") << address;
    EXPECT_EQ(normalized("rcs:shop_agent"), "shop_agent");

    const auto rcs = msgstatus::split_channel(" RCS: +14155238886 ");
    EXPECT_EQ(rcs.channel, "RCS");
    EXPECT_EQ(rcs.address, "+14155238886");
    EXPECT_TRUE(rcs.is_phone);
    const auto messenger = msgstatus::split_channel("messenger:14155238886");
    EXPECT_EQ(messenger.channel, "messenger");
    EXPECT_EQ(messenger.address, "14155238886");
    EXPECT_FALSE(messenger.is_phone);
    const auto other = msgstatus::split_channel("sip:alice@example.org");
    EXPECT_EQ(other.channel, "");
    EXPECT_EQ(other.address, "sip:alice@example.org");
}

TEST(Phone, LengthOfNumbers) {
    EXPECT_EQ(normalized("1234567"), "+1234567");
    EXPECT_EQ(normalized("123456"), "123456") << "a short code has no plus";
    EXPECT_EQ(normalized("+123456"), "+123456");
    EXPECT_EQ(normalized("whatsapp:123456"), "123456");
    EXPECT_EQ(normalized("123456789012345"), "+123456789012345");
    EXPECT_EQ(normalized("1234567890123456"), "1234567890123456") << "longer than any number: an id";
    EXPECT_EQ(normalized("+1234567890123456"), "+1234567890123456");
    EXPECT_EQ(normalized("120363000000000001"), "120363000000000001") << "a group id";
}

TEST(Phone, WhatIsNoNumberStays) {
    for (const std::string_view address :
         {"", "+", "+ ", "MyShop", "My Shop 24", "120363-group@g.us", "+1415x5238886", "++14155238886", "+1+4155238886",
          "14155238886+", "messenger:14155238886", "whatsapp14155238886",
          "\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6\xd9\xa7", "1/4155238886", "-", "()"}) {
        std::string_view expected = address;
        while (!expected.empty() && expected.back() == ' ')
            expected.remove_suffix(1);
        EXPECT_EQ(normalized(address), expected) << address;
    }
    EXPECT_EQ(normalized("whatsapp:MyShop"), "MyShop");
    EXPECT_EQ(normalized("whatsapp:"), "");
    EXPECT_EQ(normalized("whatsapp: WhatsApp:MyShop"), "MyShop");
    EXPECT_EQ(normalized("  MyShop "), "MyShop");
}

TEST(Phone, NormalizingTwiceChangesNothing) {
    WITH_RANDOM(random);
    constexpr std::string_view alphabet = "0123456789012345678901234567890123456789++ -.()xa:";
    for (int i = 0; i < 20'000; ++i) {
        std::string address = random.between(0, 3) == 0 ? "whatsapp:" : "";
        for (std::int64_t length = random.between(0, 20); length > 0; --length)
            address += alphabet[static_cast<std::size_t>(random.between(0, std::ssize(alphabet) - 1))];
        const std::string once = normalized(address);
        ASSERT_EQ(normalized(once), once) << '"' << address << '"';
    }
}

} // namespace
