// SPDX-License-Identifier: Apache-2.0
#include "rules/base/priority.h"

#include <algorithm>
#include <array>

namespace bailiff {
namespace {

constexpr std::array kPriorities = {
    Priority::kEmergency,     Priority::kAlert,   Priority::kCritical,
    Priority::kError,         Priority::kWarning, Priority::kNotice,
    Priority::kInformational, Priority::kDebug,
};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view to_string(Priority priority) {
  switch (priority) {
    case Priority::kEmergency:
      return "Emergency";
    case Priority::kAlert:
      return "Alert";
    case Priority::kCritical:
      return "Critical";
    case Priority::kError:
      return "Error";
    case Priority::kWarning:
      return "Warning";
    case Priority::kNotice:
      return "Notice";
    case Priority::kInformational:
      return "Informational";
    case Priority::kDebug:
      return "Debug";
  }
  return "";
}

std::optional<Priority> parse_priority(std::string_view text) {
  if (equal_ignoring_case(text, "info")) return Priority::kInformational;
  for (const Priority priority : kPriorities) {
    if (equal_ignoring_case(text, to_string(priority))) return priority;
  }
  return std::nullopt;
}

}  // namespace bailiff
