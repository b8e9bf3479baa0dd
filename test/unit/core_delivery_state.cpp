// delivery_state: names, synonyms, order, and which states imply which.
#include "core/delivery_state.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace msgstatus;
using enum DeliveryState;

// The order that users rely on; its positions are what is stored on disk.
const std::vector<std::string> ascending{
    "processing",          "received", "pending",  "scheduled", "accepted",    "queued",    "sending", "sent",
    "partially_delivered", "skipped",  "canceled", "failed",    "undelivered", "delivered", "read",    "played",
};

TEST(DeliveryState, NamesStandInTheirOrder) {
    ASSERT_EQ(ascending.size(), state_count);
    for (std::size_t i = 0; i < state_count; ++i) {
        const auto state = static_cast<DeliveryState>(i);
        EXPECT_EQ(state_name(state), ascending[i]);
        EXPECT_EQ(index_of(state), i);
        EXPECT_EQ(parse_state(ascending[i]), state);
    }
}

TEST(DeliveryState, ReadsSynonymsOfProviders) {
    const std::map<std::string, DeliveryState> synonyms{
        {"enqueued", queued},    {"submitted", queued},     {"dispatched", sent},
        {"cancelled", canceled}, {"receiving", processing},
    };
    for (const auto &[label, state] : synonyms)
        EXPECT_EQ(parse_state(label), state) << label;
}

TEST(DeliveryState, IgnoresCase) {
    std::vector<std::string> labels = ascending;
    labels.insert(labels.end(), {"enqueued", "submitted", "dispatched", "cancelled", "receiving"});
    for (const std::string &label : labels) {
        std::string upper = label;
        std::transform(upper.begin(), upper.end(), upper.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        std::string mixed = label;
        mixed.front() = upper.front();
        mixed.back() = upper.back();
        EXPECT_EQ(parse_state(upper), parse_state(label)) << upper;
        EXPECT_EQ(parse_state(mixed), parse_state(label)) << mixed;
    }
}

TEST(DeliveryState, RefusesWhatIsNoLabel) {
    using namespace std::string_view_literals;
    for (const std::string_view label :
         {""sv, " "sv, "rea"sv, "reads"sv, " read"sv, "read "sv, "read\n"sv, "read\0"sv, "\0read"sv,
          "partially delivered"sv, "partially-delivered"sv, "deleted"sv, "warning"sv, "unknown"sv, "0"sv, "15"sv,
          "\xff"sv,
          "r\xc3\xa9"
          "ad"sv,
          // Letters that only a locale's or Unicode's case folding turns into ASCII: Kelvin sign, dotless i, long s.
          "s\xe2\x84\xaaipped"sv, "fa\xc4\xb1led"sv, "\xc5\xbf\x65nt"sv,
          // One bit away from a letter: a fold by masking would take these.
          "@ending"sv, "[ead"sv})
        EXPECT_FALSE(parse_state(label)) << '"' << label << '"';
    EXPECT_FALSE(parse_state(std::string_view{}));
    EXPECT_FALSE(parse_state(std::string(100'000, 'r')));
}

TEST(DeliveryState, EveryImplication) {
    // state -> what it implies besides itself
    const std::map<DeliveryState, std::set<DeliveryState>> implied{
        {partially_delivered, {sent}},     {undelivered, {sent}}, {delivered, {sent}}, {read, {delivered, sent}},
        {played, {read, delivered, sent}},
    };
    for (std::size_t i = 0; i < state_count; ++i)
        for (std::size_t j = 0; j < state_count; ++j) {
            const auto observed = static_cast<DeliveryState>(i);
            const auto reached = static_cast<DeliveryState>(j);
            const auto entry = implied.find(observed);
            const bool expected = observed == reached || (entry != implied.end() && entry->second.contains(reached));
            EXPECT_EQ(contains(states_implying(reached), observed), expected)
                << state_name(observed) << " implies " << state_name(reached);
        }
}

TEST(DeliveryState, ImplicationIsTransitiveAndOnlyOfLowerStates) {
    for (std::size_t i = 0; i < state_count; ++i)
        for (std::size_t j = 0; j < state_count; ++j) {
            const auto lower = static_cast<DeliveryState>(i);
            const auto higher = static_cast<DeliveryState>(j);
            if (!contains(states_implying(lower), higher))
                continue;
            EXPECT_LE(lower, higher);
            EXPECT_EQ(states_implying(higher) & ~states_implying(lower), 0)
                << "what implies " << state_name(higher) << " implies " << state_name(lower);
        }
}

TEST(DeliveryState, FailuresAndFinalStates) {
    const std::set<DeliveryState> failures{failed, undelivered};
    const std::set<DeliveryState> final{received,    partially_delivered, skipped, canceled, failed,
                                        undelivered, delivered,           read,    played};
    const std::set<DeliveryState> incoming{processing, received};
    for (std::size_t i = 0; i < state_count; ++i) {
        const auto state = static_cast<DeliveryState>(i);
        EXPECT_EQ(is_failure(state), failures.contains(state)) << state_name(state);
        EXPECT_EQ(is_final(state), final.contains(state)) << state_name(state);
        EXPECT_EQ(is_incoming(state), incoming.contains(state)) << state_name(state);
        EXPECT_TRUE(!is_failure(state) || is_final(state)) << state_name(state);
    }
}

TEST(DeliveryState, FailuresStandBetweenWhatIsInFlightAndWhatArrived) {
    for (const DeliveryState in_flight : {pending, scheduled, accepted, queued, sending, sent})
        for (const DeliveryState failure : {failed, undelivered})
            EXPECT_LT(in_flight, failure);
    for (const DeliveryState failure : {failed, undelivered})
        for (const DeliveryState arrived : {delivered, read, played})
            EXPECT_LT(failure, arrived);
    EXPECT_LT(failed, undelivered);
}

} // namespace
