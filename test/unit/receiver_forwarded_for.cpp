// Who sent a request, as X-Forwarded-For and the list of trusted proxies tell.

#include <string>

#include <gtest/gtest.h>

#include "access/address.hpp"

namespace msgstatus::receiver {
namespace {

class ForwardedFor : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(trusted_.add("10.0.0.0/8, 2001:db8:1::/48"), std::nullopt); }

    std::string client(const std::string &forwarded_for, const char *peer = "10.0.0.1") const {
        return client_address(Address::parse(peer).value(), forwarded_for, trusted_).text();
    }

private:
    AddressList trusted_;
};

TEST_F(ForwardedFor, IsIgnoredFromWhoIsNoTrustedProxy) {
    EXPECT_EQ(client("192.0.2.1", "198.51.100.1"), "198.51.100.1");
    EXPECT_EQ(client("10.0.0.2", "198.51.100.1"), "198.51.100.1");
    EXPECT_EQ(client_address(*Address::parse("10.0.0.1"), "192.0.2.1", {}).text(), "10.0.0.1");
}

TEST_F(ForwardedFor, NamesTheClientOfATrustedProxy) {
    EXPECT_EQ(client("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(client(" \t192.0.2.1 "), "192.0.2.1");
    EXPECT_EQ(client("2001:db8::5"), "2001:db8::5");
    EXPECT_EQ(client("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(client("192.0.2.1", "::ffff:10.0.0.1"), "192.0.2.1");
    EXPECT_EQ(client("192.0.2.1", "2001:db8:1::1"), "192.0.2.1");
}

TEST_F(ForwardedFor, CountsFromTheRight) {
    EXPECT_EQ(client("203.0.113.1, 192.0.2.1"), "192.0.2.1") << "the client wrote the first one";
    EXPECT_EQ(client("10.0.0.9, 192.0.2.1"), "192.0.2.1") << "and may call itself a proxy";
    EXPECT_EQ(client("203.0.113.1, 192.0.2.1, 10.1.2.3,2001:db8:1::2"), "192.0.2.1");
    EXPECT_EQ(client("garbage from the client, 192.0.2.1, 10.1.2.3"), "192.0.2.1");
    EXPECT_EQ(client(std::string(15000, ',') + "192.0.2.1"), "192.0.2.1");
}

TEST_F(ForwardedFor, KnowsPorts) {
    EXPECT_EQ(client("192.0.2.1:4711"), "192.0.2.1");
    EXPECT_EQ(client("[2001:db8::5]:4711"), "2001:db8::5");
    EXPECT_EQ(client("[2001:db8::5]"), "2001:db8::5");
}

TEST_F(ForwardedFor, TakesTheFarthestWhereAllAreProxies) {
    EXPECT_EQ(client("10.0.0.7, 10.0.0.8"), "10.0.0.7");
}

TEST_F(ForwardedFor, IsTheProxyWhereTheHeaderIsNoList) {
    for (const char *header :
         {"", " ", "unknown", "192.0.2.1,", "192.0.2.1, ", "192.0.2.1 10.0.0.1", "hooks.example.org",
          "192.0.2.1;10.0.0.1", "for=192.0.2.1", "\"192.0.2.1\"", "[2001:db8::5", "[", "]", "[]:80", ":80",
          "192.0.2.1, nonsense, 10.0.0.2", "fe80::1%eth0"})
        EXPECT_EQ(client(header), "10.0.0.1") << header;
}

TEST_F(ForwardedFor, IsFollowedOverSixteenProxiesAtMost) {
    std::string hops = "192.0.2.1";
    for (int i = 0; i < 15; ++i)
        hops += ", 10.0.0.2";
    EXPECT_EQ(client(hops), "192.0.2.1");
    EXPECT_EQ(client(hops + ", 10.0.0.2"), "10.0.0.1");
}

} // namespace
} // namespace msgstatus::receiver
