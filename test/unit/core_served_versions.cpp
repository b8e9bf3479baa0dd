// Which versions a library serves.
#include "core/served_versions.hpp"

#include <gtest/gtest.h>

namespace {

using msgstatus::is_later;
using msgstatus::is_served;
using msgstatus::series_of;

TEST(ServedVersions, TwoNumbersMakeASeries) {
    for (const auto &[version, series] : {std::pair<std::string_view, std::string_view>{"0.1.0", "0.1"},
                                          {"0.1.12", "0.1"},
                                          {"0.1", "0.1"},
                                          {"10.20.30-beta", "10.20"},
                                          {"1", "1"},
                                          {"", ""}})
        EXPECT_EQ(series_of(version), series) << version;
}

TEST(ServedVersions, ReleasesOfAServedSeriesAreServed) {
    for (const char *version : {"0.2.0", "0.2.1", "0.2.99", "0.2"})
        EXPECT_TRUE(is_served(version)) << version;
    for (const char *version : {"0.1.0", "0.20.0", "1.2.0", "10.2.0", "0", "", "unknown", ".0.2", "0.2x"})
        EXPECT_FALSE(is_served(version)) << version;
}

TEST(ServedVersions, VersionsAreInTheOrderOfTheirNumbers) {
    constexpr std::array<std::string_view, 7> in_order{"0.0.9", "0.1.0", "0.1.9", "0.1.10", "0.2", "0.10.0", "1.0.0"};
    for (std::size_t i = 0; i < in_order.size(); ++i)
        for (std::size_t j = 0; j < in_order.size(); ++j)
            EXPECT_EQ(is_later(in_order[i], in_order[j]), i > j) << in_order[i] << ' ' << in_order[j];
    EXPECT_FALSE(is_later("unknown", "0.1.0"));
    EXPECT_FALSE(is_later("", "0.1.0"));
    EXPECT_FALSE(is_later("0.2", "0.2.0"));
}

} // namespace
