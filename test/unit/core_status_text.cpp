// The text form of a status, in and out.
#include "core/status_text.hpp"

#include "core_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace msgstatus;
using namespace msgstatus::test;
using enum DeliveryState;

std::string formatted(const Status &status) {
    std::vector<char> out(max_status_text_size);
    const std::size_t size = format_status(status, out.data());
    EXPECT_LE(size, out.size());
    return {out.data(), size};
}

Model parsed(std::string_view text) {
    const ParsedStatus result = parse_status(text);
    EXPECT_EQ(result.error, StatusTextError::none) << text;
    return model_of(result.status);
}

constexpr EventTime sent_time = 787'141'800'000'000; // 2024-12-10T10:30:00Z

TEST(StatusText, WritesWhatWasObservedInAscendingOrder) {
    Status status = observation(delivered, sent_time + 5'250'000);
    observe(status, sent, sent_time);
    EXPECT_EQ(formatted(status), R"({"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05.25Z"})");
    EXPECT_EQ(formatted(Status{}), "{}");
    EXPECT_EQ(formatted(observation(read, sent_time)), R"({"read": "2024-12-10T10:30:00Z"})") << "and nothing derived";
}

TEST(StatusText, TheLongestTextFits) {
    Status status;
    for (std::size_t i = 0; i < state_count; ++i)
        observe(status, static_cast<DeliveryState>(i), min_time + 1);
    const std::string text = formatted(status);
    EXPECT_EQ(std::count(text.begin(), text.end(), ':'), 16 * 3);
    EXPECT_EQ(parsed(text), model_of(status));
}

TEST(StatusText, ReadsAnyCaseSynonymsOffsetsAndWhiteSpace) {
    const Model expected{{queued, sent_time}, {sent, sent_time + 250'000}};
    for (const std::string_view text : {
             R"({"queued": "2024-12-10T10:30:00Z", "sent": "2024-12-10T10:30:00.25Z"})",
             R"({"sent":"2024-12-10T10:30:00.25Z","queued":"2024-12-10T10:30:00Z"})",
             R"({"SENT":"2024-12-10t10:30:00.250z","Enqueued":"2024-12-10 10:30"})",
             R"({"dispatched":"2024-12-10T12:30:00.25+02:00","submitted":"2024-12-10T05:00:00-0530"})",
             " \t\n{ \"queued\"\r\n:\v\"2024-12-10T10:30:00Z\" ,\f\"sent\" : \"2024-12-10T10:30:00.25Z\" } \n",
         })
        EXPECT_EQ(parsed(text), expected) << text;
    EXPECT_EQ(parsed("{}"), Model{});
    EXPECT_EQ(parsed(" { } "), Model{});
}

TEST(StatusText, AStateGivenTwiceKeepsItsEarlierTime) {
    const Model expected{{sent, sent_time}};
    EXPECT_EQ(parsed(R"({"sent": "2024-12-10T10:30:00Z", "sent": "2024-12-10T10:30:01Z"})"), expected);
    EXPECT_EQ(parsed(R"({"sent": "2024-12-10T10:30:01Z", "DISPATCHED": "2024-12-10T10:30:00Z"})"), expected);
}

TEST(StatusText, SyntaxErrors) {
    for (const std::string_view text : {
             "",
             " ",
             "null",
             "sent",
             "\"sent\"",
             "[]",
             "{",
             "}",
             "{}{}",
             "{} x",
             "{,}",
             R"({"sent"})",
             R"({"sent":})",
             R"({"sent" "2024-12-10T10:30:00Z"})",
             R"({"sent": "2024-12-10T10:30:00Z")",
             R"({"sent": "2024-12-10T10:30:00Z)",
             R"({"sent": "2024-12-10T10:30:00Z",})",
             R"({"sent": "2024-12-10T10:30:00Z" "read": "2024-12-10T10:30:00Z"})",
             R"({"sent": "2024-12-10T10:30:00Z"}})",
             R"({"sent": "2024-12-10T10:30:00Z"}, )",
             R"({,"sent": "2024-12-10T10:30:00Z"})",
             R"({sent: "2024-12-10T10:30:00Z"})",
             R"({'sent': '2024-12-10T10:30:00Z'})",
             R"({"sent": 1733826600})",
             R"({"sent": null})",
             R"({"sent": {"at": "2024-12-10T10:30:00Z"}})",
             R"({"sent": ["2024-12-10T10:30:00Z"]})",
             R"({"s\u0065nt": "2024-12-10T10:30:00Z"})",
             R"({"sent": "2024-12-10T10\u003a30:00Z"})",
             R"({"sent\": "2024-12-10T10:30:00Z"})",
         }) {
        const ParsedStatus result = parse_status(text);
        EXPECT_EQ(result.error, StatusTextError::syntax) << text;
        EXPECT_EQ(result.culprit, text);
    }
}

TEST(StatusText, NamesTheCulprit) {
    ParsedStatus result = parse_status(R"({"sent": "2024-12-10T10:30:00Z", "sunk": "2024-12-10T10:30:00Z"})");
    EXPECT_EQ(result.error, StatusTextError::unknown_state);
    EXPECT_EQ(result.culprit, "sunk");

    result = parse_status(R"({"": "2024-12-10T10:30:00Z"})");
    EXPECT_EQ(result.error, StatusTextError::unknown_state);
    EXPECT_EQ(result.culprit, "");

    // Unix times and RFC 2822 are for webhooks; here they would be ambiguous.
    for (const std::string_view time :
         {"", "soon", "1733826600", "Tue, 10 Dec 2024 10:30:00 +0000", "infinity", "-infinity", "2024-12-10",
          "2024-13-10T10:30:00Z", "0000-12-31T23:59:59Z", "now"}) {
        const std::string text = "{\"sent\": \"" + std::string(time) + "\"}";
        result = parse_status(text);
        EXPECT_EQ(result.error, StatusTextError::bad_time) << text;
        EXPECT_EQ(result.culprit, time);
    }
}

TEST(StatusText, RoundTripOfRandomValues) {
    WITH_RANDOM(random);
    for (int i = 0; i < 20'000; ++i) {
        const Status status = random.status();
        const std::string text = formatted(status);
        ASSERT_EQ(parsed(text), model_of(status)) << text;
        ASSERT_EQ(formatted(parse_status(text).status), text);
    }
}

// Cutting a text anywhere, or damaging one character, gives an error or another status, and never reads outside.
TEST(StatusText, DamagedTexts) {
    WITH_RANDOM(random);
    for (int i = 0; i < 3'000; ++i) {
        const std::string text = formatted(random.status());
        for (std::size_t size = 0; size < text.size(); ++size) {
            const std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
            ASSERT_EQ(parse_status({exact.data(), size}).error, StatusTextError::syntax) << text << " cut at " << size;
        }
        std::string damaged = text;
        damaged[static_cast<std::size_t>(random.between(0, std::ssize(text) - 1))] =
            static_cast<char>(random.between(-128, 127));
        const ParsedStatus result = parse_status(damaged);
        if (result.error == StatusTextError::none) {
            ASSERT_EQ(parsed(formatted(result.status)), model_of(result.status)) << damaged;
        }
    }
}

} // namespace
