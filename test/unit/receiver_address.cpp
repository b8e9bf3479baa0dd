// Addresses, ranges and lists of them.

#include <string>

#include <gtest/gtest.h>

#include "access/address.hpp"

namespace msgstatus::receiver {
namespace {

Address address(const char *text) {
    return Address::parse(text).value();
}

AddressList list(const char *text) {
    AddressList ranges;
    EXPECT_EQ(ranges.add(text), std::nullopt) << text;
    return ranges;
}

TEST(Address, IsTheSameInWhateverWayItIsWritten) {
    EXPECT_EQ(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    EXPECT_EQ(address("::ffff:c000:201"), address("192.0.2.1"));
    EXPECT_EQ(address("2001:DB8:0:0::1"), address("2001:db8::1"));
    EXPECT_NE(address("::192.0.2.1"), address("192.0.2.1"));
    EXPECT_EQ(address("::ffff:192.0.2.1").text(), "192.0.2.1");
    for (const char *text :
         {"192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "ffff::1", "fe80::ffff:0:1:2"})
        EXPECT_EQ(address(text).text(), text);
}

TEST(Address, TakesNothingElse) {
    for (const char *text : {"", " ", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.0.0.1", "1.2.3.4 ", "1.2.3.4:80",
                             "[::1]", "::1%lo", "1::2::3", "12345::", "unknown", "localhost", "0x7f.0.0.1",
                             "1.2.3.4/32", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"})
        EXPECT_EQ(Address::parse(text), std::nullopt) << text;
    EXPECT_EQ(Address::parse(std::string_view("1.2.3.4\0", 8)), std::nullopt);
}

TEST(Address, KnowsWhoSubscribesToANetwork) {
    EXPECT_EQ(address("2001:db8:1:2::1").subscriber(), address("2001:db8:1:2:ffff::9").subscriber());
    EXPECT_NE(address("2001:db8:1:2::1").subscriber(), address("2001:db8:1:3::1").subscriber());
    EXPECT_NE(address("192.0.2.1").subscriber(), address("192.0.2.2").subscriber());
    EXPECT_EQ(address("192.0.2.1").subscriber(), address("::ffff:192.0.2.1").subscriber());
    EXPECT_NE(address("0.0.0.1").subscriber(), address("::1").subscriber());
}

TEST(AddressRange, HoldsWhatBeginsWithItsBits) {
    const AddressList ranges = list("10.0.0.0/8, 192.0.2.128/25,198.51.100.7 2001:db8::/33\t2001:db8:8000:1::/64");
    for (const char *inside : {"10.0.0.0", "10.255.255.255", "192.0.2.128", "192.0.2.255", "198.51.100.7",
                               "::ffff:10.1.2.3", "2001:db8::", "2001:db8:7fff:ffff::1", "2001:db8:8000:1:ffff::"})
        EXPECT_TRUE(ranges.contains(address(inside))) << inside;
    for (const char *outside : {"9.255.255.255", "11.0.0.0", "192.0.2.127", "198.51.100.6", "198.51.100.8",
                                "::10.1.2.3", "2001:db8:8000::", "2001:db8:8000:2::", "2001:db7:ffff::", "a00::", "::"})
        EXPECT_FALSE(ranges.contains(address(outside))) << outside;
}

TEST(AddressRange, MayHoldAllOfAKind) {
    EXPECT_TRUE(list("0.0.0.0/0").contains(address("255.1.2.3")));
    EXPECT_FALSE(list("0.0.0.0/0").contains(address("2001:db8::1")));
    EXPECT_TRUE(list("::/0").contains(address("2001:db8::1")));
    EXPECT_TRUE(list("::/0").contains(address("192.0.2.1"))) << "IPv4 is a part of it";
    EXPECT_TRUE(list("::ffff:0:0/96").contains(address("192.0.2.1")));
    EXPECT_TRUE(list("::ffff:192.0.2.0/120").contains(address("192.0.2.9")));
    for (const char *all : {"0.0.0.0/0", "::/0", "::ffff:0:0/96"})
        EXPECT_TRUE(list(all).has_everyone()) << all;
    for (const char *some : {"0.0.0.0/1", "::/1", "10.0.0.0/8", "::1"})
        EXPECT_FALSE(list(some).has_everyone()) << some;
}

TEST(AddressRange, TakesNothingElse) {
    for (const char *text :
         {"/", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/ 8",
          "10.0.0.1/8", "2001:db8::/129", "2001:db8::1/64", "::ffff:10.0.0.0/129", "10/8", "10.0.0.0/08x"})
        EXPECT_NE(AddressList().add(text), std::nullopt) << text;
}

TEST(AddressList, TellsWhatItCannotRead) {
    AddressList ranges;
    EXPECT_EQ(ranges.add("10.0.0.0/8,10.0.0.1/8,::1"), "10.0.0.1/8");
    EXPECT_EQ(ranges.add(" , "), std::nullopt);
    EXPECT_TRUE(list("").empty());
}

} // namespace
} // namespace msgstatus::receiver
