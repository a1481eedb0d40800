// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/placement_page.h"

#include <array>

#include "rules/cli/table.h"

namespace bailiff::cli {
namespace {

constexpr std::array kStrongestFirst = {
    Enforcement::kKernel, Enforcement::kNotify, Enforcement::kObserve,
    Enforcement::kUnsupported};

std::string counts(const std::vector<Placement>& placements) {
  std::string text;
  for (const Enforcement enforcement : kStrongestFirst) {
    std::size_t count = 0;
    for (const Placement& placement : placements) {
      if (placement.enforcement == enforcement) ++count;
    }
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " +
            std::string(to_string(enforcement));
  }
  return text;
}

}  // namespace

std::string placements_page(const std::vector<Placement>& placements,
                            const CompiledPolicy& policy) {
  std::string text =
      "# Where rules are decided\n\n"
      "Written by `bailiff explain -o markdown`. Of " +
      std::to_string(placements.size()) + " rules: " + counts(placements) +
      ".\n\n"
      "| rule | enforcement | events | why there |\n"
      "|---|---|---|---|\n";
  for (const Placement& placement : placements) {
    const std::string events =
        placement.events ? joined(*placement.events, ", ") : "any";
    text += "| " + markdown(policy.rules[placement.rule].name) + " | " +
            std::string(to_string(placement.enforcement)) + " | " +
            markdown(events) + " | " + markdown(placement.reason) + " |\n";
  }
  return text;
}

}  // namespace bailiff::cli
