// Secrets that are sent along: what is right, and everything near it that must not pass.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "receiver_method.hpp"

namespace msgstatus::receiver {
namespace {

using namespace method_test;

TEST(SecretMethod, ComparesAHeader) {
    EXPECT_EQ(refusal(route("gupshup"), with("Bearer secret-one")), "");
    EXPECT_EQ(refusal(route("gupshup"), with("secret-one")), "");
    EXPECT_EQ(refusal(route("360dialog"), with("bearer secret-one")), "");
    for (const char *wrong : {"Bearer secret-two", "Bearer secret-on", "Bearer secret-one1", "Bearer ", "secret-onE"})
        EXPECT_EQ(refusal(route("gupshup"), with(wrong)), "wrong secret") << wrong;
    EXPECT_EQ(refusal(route("gupshup"), with("secret-one"), {"new", secret}), "");
    EXPECT_EQ(refusal(route("gupshup"), with("secret-one"), {"new"}), "wrong secret");
    for (const char *given : {"secret-one", "Bearer secret-one", "BEARER  secret-one"}) {
        for (const char *sent : {"secret-one", "Bearer secret-one", "bearer secret-one"})
            EXPECT_EQ(refusal(route("360dialog"), with(sent), {given}), "") << given << " / " << sent;
    }
    EXPECT_EQ(refusal(route("360dialog"), with("Bearersecret-one")), "wrong secret");
    EXPECT_EQ(refusal(route("360dialog"), with("bearerTok123"), {"bearerTok123"}), "");
    EXPECT_EQ(refusal(route("360dialog"), with("Bearer bearerTok123"), {"bearerTok123"}), "");
    EXPECT_EQ(refusal(route("360dialog"), with("Tok123"), {"bearerTok123"}), "wrong secret");
    const WebhookSettings own = route("own", {{"auth", "header"}, {"header", "X"}, {"prefix", "key="}});
    EXPECT_EQ(refusal(own, with("key=secret-one")), "");
    EXPECT_EQ(refusal(own, with("key="), {"key="}), "") << "all of it is the secret";
    EXPECT_EQ(refusal(own, with("key=")), "wrong secret");
}

TEST(SecretMethod, ComparesHttpBasic) {
    const std::vector<std::string> users = {"ann:open sesame", "bob:x"};
    EXPECT_EQ(refusal(route("infobip"), with("Basic YW5uOm9wZW4gc2VzYW1l"), users), "");
    EXPECT_EQ(refusal(route("bandwidth"), with("basic Ym9iOng="), users), "");
    EXPECT_EQ(refusal(route("infobip"), with("Basic YW5uOng="), users), "wrong secret") << "ann:x";
    EXPECT_EQ(refusal(route("infobip"), with("Basic"), users), "wrong secret");
    EXPECT_EQ(refusal(route("infobip"), with("ann:open sesame"), users), "the header is not HTTP Basic");
}

TEST(SecretMethod, ComparesAParameter) {
    Sent sent;
    const auto asked = [&](const std::string &query) {
        sent.query = query;
        return refusal(route("wati"), sent);
    };
    EXPECT_EQ(asked("token=secret-one"), "");
    EXPECT_EQ(asked("a=1&token=secret%2done"), "");
    EXPECT_EQ(asked("token=secret-two"), "wrong secret");
    EXPECT_EQ(asked("token="), "wrong secret");
    EXPECT_EQ(asked(""), "no secret in the query");
    EXPECT_EQ(asked("Token=secret-one"), "no secret in the query");
    EXPECT_EQ(asked("token=secret-one&token=x"), "more than one secret in the query");
}

} // namespace
} // namespace msgstatus::receiver
