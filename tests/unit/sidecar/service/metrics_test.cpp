// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

using testing::HasSubstr;

std::string written(const Metrics& metrics, std::uint64_t kernel_lost = 0) {
  MetricsText text;
  metrics.write(text, kernel_lost);
  return std::move(text).text();
}

TEST(Metrics, CountsByLabels) {
  Metrics metrics;
  metrics.count_violation("a rule", "p", "denied");
  metrics.count_violation("a rule", "p", "denied");
  metrics.count_violation("a rule", "q", "allowed");
  const std::string text = written(metrics);
  EXPECT_THAT(text, HasSubstr("bailiff_violations_total{rule=\"a rule\","
                              "policy=\"p\",verdict=\"denied\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("policy=\"q\",verdict=\"allowed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE bailiff_violations_total counter\n"));
}

TEST(Metrics, EscapesLabels) {
  Metrics metrics;
  metrics.count_violation("a \"b\"\\\nc", "", "");
  EXPECT_THAT(written(metrics), HasSubstr("rule=\"a \\\"b\\\"\\\\\\nc\""));
}

TEST(Metrics, EveryErrorIsOneOutcome) {
  Metrics metrics;
  metrics.count_response("kill", "error: one");
  metrics.count_response("kill", "error: two");
  EXPECT_THAT(written(metrics),
              HasSubstr("bailiff_responses_total{response=\"kill\","
                        "outcome=\"error\"} 2\n"));
}

TEST(Metrics, AHistogramsBucketsAddUp) {
  Metrics metrics;
  metrics.observe_response(400'000);         // 0.4 ms
  metrics.observe_response(1'000'000);       // 1 ms: "le" means at most
  metrics.observe_response(60'000'000'000);  // 60 s
  const std::string text = written(metrics);
  EXPECT_THAT(text, HasSubstr("_bucket{le=\"0.00025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{le=\"0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{le=\"0.001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{le=\"5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("bailiff_response_seconds_count 3\n"));
  EXPECT_THAT(text, HasSubstr("bailiff_response_seconds_sum 60.0014\n"));
}

TEST(Metrics, TellsWhereEventsWereLost) {
  Metrics metrics;
  metrics.count_lost("queue", 3);
  const std::string text = written(metrics, 7);
  EXPECT_THAT(text,
              HasSubstr("bailiff_events_lost_total{source=\"kernel\"} 7\n"));
  EXPECT_THAT(text,
              HasSubstr("bailiff_events_lost_total{source=\"queue\"} 3\n"));
}

}  // namespace
}  // namespace bailiff::sidecar
