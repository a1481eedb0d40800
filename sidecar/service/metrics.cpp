// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bailiff::sidecar {
namespace {

constexpr double kNanoseconds = 1e9;

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    switch (c) {
      case '\\':
        text += "\\\\";
        break;
      case '"':
        text += "\\\"";
        break;
      case '\n':
        text += "\\n";
        break;
      default:  // a char is no enum
        text += c;
    }
  }
  return text;
}

// The shortest text of the same number, without an exponent.
std::string decimal(double value) {
  std::array<char, 512> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 value, std::chars_format::fixed)
                       .ptr;
  return std::string(digits.data(), end);
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type,
                         std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void MetricsText::sample(const Labels& labels, std::uint64_t value,
                         std::string_view suffix) {
  line(labels, std::to_string(value), suffix);
}

void MetricsText::sample(const Labels& labels, double value,
                         std::string_view suffix) {
  line(labels, decimal(value), suffix);
}

void MetricsText::line(const Labels& labels, std::string_view value,
                       std::string_view suffix) {
  text_.append(name_).append(suffix);
  char separator = '{';
  for (const auto& [label, content] : labels) {
    text_ += separator;
    text_.append(label).append("=\"").append(escaped(content)).append("\"");
    separator = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_.append(" ").append(value).append("\n");
}

void Metrics::count_violation(const std::string& rule,
                              const std::string& policy,
                              const std::string& verdict) {
  const std::lock_guard lock(mutex_);
  ++violations_[{{"rule", rule}, {"policy", policy}, {"verdict", verdict}}];
}

void Metrics::count_response(const std::string& response,
                             const std::string& outcome) {
  const bool failed = outcome.compare(0, 6, "error:") == 0;
  const std::lock_guard lock(mutex_);
  ++responses_[{{"response", response},
                {"outcome", failed ? "error" : outcome}}];
}

void Metrics::observe_response(std::uint64_t nanoseconds) {
  const double seconds = static_cast<double>(nanoseconds) / kNanoseconds;
  const auto bucket = static_cast<std::size_t>(
      std::lower_bound(kBounds.begin(), kBounds.end(), seconds) -
      kBounds.begin());
  const std::lock_guard lock(mutex_);
  ++buckets_[bucket];
  ++observed_;
  observed_seconds_ += seconds;
}

void Metrics::count_lost(const std::string& source, std::uint64_t events) {
  const std::lock_guard lock(mutex_);
  lost_[source] += events;
}

void Metrics::count_refused(int status) {
  const std::lock_guard lock(mutex_);
  ++refused_[status];
}

void Metrics::write(MetricsText& text, std::uint64_t kernel_lost) const {
  const std::lock_guard lock(mutex_);
  text.family("bailiff_violations_total", "counter",
              "Alerts, one for each event, rule and policy.");
  for (const auto& [labels, count] : violations_) text.sample(labels, count);
  text.family("bailiff_responses_total", "counter",
              "Responses by what became of them.");
  for (const auto& [labels, count] : responses_) text.sample(labels, count);
  text.family("bailiff_events_lost_total", "counter",
              "Events nobody was told of, by where they were lost.");
  text.sample({{"source", "kernel"}}, kernel_lost);
  for (const auto& [source, count] : lost_) {
    text.sample({{"source", source}}, count);
  }
  text.family("bailiff_api_refused_total", "counter",
              "Requests to change something that were answered with an error.");
  for (const auto& [status, count] : refused_) {
    text.sample({{"status", std::to_string(status)}}, count);
  }
  text.family("bailiff_response_seconds", "histogram",
              "From the violation to the response done.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    below += buckets_[i];
    text.sample({{"le", decimal(kBounds[i])}}, below, "_bucket");
  }
  text.sample({{"le", "+Inf"}}, observed_, "_bucket");
  text.sample({}, observed_seconds_, "_sum");
  text.sample({}, observed_, "_count");
}

}  // namespace bailiff::sidecar
