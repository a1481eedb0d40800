// SPDX-License-Identifier: Apache-2.0
// tests/bench/measure.h
// The clock of the benchmarks, and what is made of its times.
#pragma once

#include <stdio.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace bailiff::test {

inline double now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}
inline double now_ms() { return now_ns() / 1e6; }

// The value below which `share` of them are; 0 of none.
inline double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double index = share * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(index)];
}
inline double median(const std::vector<double>& values) {
  return percentile(values, 0.5);
}

// What was measured in the same rounds: each of `of` less, or divided by, that
// of `from`.
inline std::vector<double> differences(const std::vector<double>& of,
                                       const std::vector<double>& from) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < std::min(of.size(), from.size()); ++i) {
    differences.push_back(of[i] - from[i]);
  }
  return differences;
}
inline std::vector<double> ratios(const std::vector<double>& of,
                                  const std::vector<double>& to) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(of.size(), to.size()); ++i) {
    ratios.push_back(of[i] / to[i]);
  }
  return ratios;
}

// A number, what is wanted of it, and whether it is so.
inline void print_aim(const std::string& what, double value, const char* unit,
                      double most) {
  ::printf("%-72s %9.2f %-4s goal: at most %g, %s\n", what.c_str(), value, unit,
           most, value <= most ? "holds" : "missed");
}

// A table like those of containers.py: `goal` is what is wanted.
inline void print_head(const char* unit) {
  ::printf("%-52s %6s %9s %9s %9s  goal\n", unit, "runs", "p50", "p99", "max");
}
inline void print_row(const char* what, const std::vector<double>& values,
                      const char* goal = "") {
  ::printf("%-52s %6zu %9.2f %9.2f %9.2f  %s\n", what, values.size(),
           percentile(values, 0.5), percentile(values, 0.99),
           percentile(values, 1), goal);
}

}  // namespace bailiff::test
