// base64 with - and _: there and back, and one text for each sequence of bytes.
#include "core/base64url.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

std::string encoded(std::string_view bytes) {
    std::string out(msgstatus::base64url_size(bytes.size()), '?');
    msgstatus::encode_base64url(bytes, out.data());
    return out;
}

std::optional<std::string> decoded(std::string_view text) {
    std::vector<char> out(text.size() * 3 / 4);
    const auto size = msgstatus::decode_base64url(text, out.data());
    if (!size)
        return std::nullopt;
    EXPECT_LE(*size, out.size());
    return std::string(out.data(), *size);
}

// RFC 4648, section 10, without padding.
TEST(Base64Url, KnownTexts) {
    for (const auto &[bytes, text] : {std::pair<std::string_view, std::string_view>{"", ""},
                                      {"f", "Zg"},
                                      {"fo", "Zm8"},
                                      {"foo", "Zm9v"},
                                      {"foob", "Zm9vYg"},
                                      {"fooba", "Zm9vYmE"},
                                      {"foobar", "Zm9vYmFy"},
                                      {"\xfb\xff\xfe", "-__-"}}) {
        EXPECT_EQ(encoded(bytes), text);
        EXPECT_EQ(decoded(text), bytes);
    }
}

TEST(Base64Url, EveryByte) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes.push_back(static_cast<char>(i));
        EXPECT_EQ(decoded(encoded(bytes)), bytes);
    }
}

TEST(Base64Url, NothingElse) {
    for (const std::string_view text : {"Z", "Zg==", "Zh", "Zm9", "Zm9v\n", "Zm 9v", "Zm+v", "Zm/v", "Zm9vY"})
        EXPECT_EQ(decoded(text), std::nullopt) << text;
}

} // namespace
