// SPDX-License-Identifier: Apache-2.0
#include "rules/policy/compiled_policy.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <unordered_set>

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

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::kEnforce:
      return "enforce";
    case Mode::kMonitor:
      return "monitor";
  }
  return "";
}

std::string_view to_string(Response response) {
  switch (response) {
    case Response::kNone:
      return "none";
    case Response::kKillProcess:
      return "kill_process";
    case Response::kIsolate:
      return "isolate";
    case Response::kPause:
      return "pause";
    case Response::kStop:
      return "stop";
    case Response::kKill:
      return "kill";
  }
  return "";
}

std::vector<std::string> flatten(const std::vector<List>& lists,
                                 std::uint32_t index) {
  // Depth first, with a stack of its own: an include chain may be as long as
  // the file has lists.
  std::vector<std::string> items;
  std::unordered_set<std::string_view> seen;
  std::vector<bool> visited(lists.size());
  std::vector<std::uint32_t> pending = {index};
  while (!pending.empty()) {
    const std::uint32_t current = pending.back();
    pending.pop_back();
    if (current >= lists.size() || visited[current]) continue;
    visited[current] = true;
    for (const std::string& item : lists[current].items) {
      if (seen.insert(item).second) items.push_back(item);
    }
    const std::vector<std::uint32_t>& includes = lists[current].includes;
    pending.insert(pending.end(), includes.rbegin(), includes.rend());
  }
  return items;
}

}  // namespace bailiff
