// SPDX-License-Identifier: Apache-2.0
// sidecar/service/metrics.h
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bailiff::sidecar {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Writes Prometheus' text format 0.0.4.
class MetricsText {
 public:
  // Starts a metric; its samples follow.  `type`: "counter", "gauge", …
  void family(std::string_view name, std::string_view type,
              std::string_view help);
  // `suffix` is "" except for the parts of a histogram.
  void sample(const Labels& labels, std::uint64_t value,
              std::string_view suffix = "");
  void sample(const Labels& labels, double value, std::string_view suffix = "");

  std::string text() && { return std::move(text_); }

 private:
  void line(const Labels& labels, std::string_view value,
            std::string_view suffix);

  std::string text_;
  std::string name_;
};

// What the service counts itself.  Any thread.
class Metrics {
 public:
  // Of a rule that is in no policy file, `rule` is to be "unknown": names that
  // come over HTTP are without bound.
  void count_violation(const std::string& rule, const std::string& policy,
                       const std::string& verdict);
  // Every "error: …" is the outcome "error".
  void count_response(const std::string& response, const std::string& outcome);
  void observe_response(std::uint64_t nanoseconds);
  void count_lost(const std::string& source, std::uint64_t events = 1);
  // `status` of HTTP.
  void count_refused(int status);

  // bailiff_violations_total, bailiff_responses_total,
  // bailiff_response_seconds, bailiff_api_refused_total, and
  // bailiff_events_lost_total, the last with `kernel_lost` for source="kernel".
  void write(MetricsText& text, std::uint64_t kernel_lost) const;

 private:
  // Seconds; the aim is a response within one millisecond.
  static constexpr std::array<double, 12> kBounds = {
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
      0.01,   0.025,   0.1,    0.5,   1,      5};

  mutable std::mutex mutex_;
  std::map<Labels, std::uint64_t> violations_;
  std::map<Labels, std::uint64_t> responses_;
  std::map<std::string, std::uint64_t> lost_;
  std::map<int, std::uint64_t> refused_;
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
  std::uint64_t observed_ = 0;
  double observed_seconds_ = 0;
};

}  // namespace bailiff::sidecar
