// The text that Prometheus reads.

#include <gtest/gtest.h>

#include "observe/metrics.hpp"

namespace msgstatus::receiver {
namespace {

TEST(PrometheusText, EscapesWhatOthersHaveNamed) {
    Metrics metrics;
    metrics.alerts = {{"read rate \"EU\"", "a\\b\nc", 3}};
    const std::string text = prometheus_text(metrics, {});
    EXPECT_NE(text.find(R"(msgstatus_alerts_active{alert="read rate \"EU\"",severity="a\\b\nc"} 3)"),
              std::string::npos);
}

} // namespace
} // namespace msgstatus::receiver
