// SPDX-License-Identifier: Apache-2.0
#include "rules/policy/compiled_policy.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <unordered_set>

namespace bailiff {
std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::kEnforce:
      return "enforce";
    case Mode::kMonitor:
      return "monitor";
  }
  return "";
}

std::vector<std::uint32_t> with_included(const std::vector<List>& lists,
                                         std::uint32_t index) {
  // Depth first, with a stack of its own: an include chain may be as long as
  // the file has lists.
  std::vector<std::uint32_t> found;
  std::vector<bool> visited(lists.size());
  std::vector<std::uint32_t> pending = {index};
  while (!pending.empty()) {
    const std::uint32_t current = pending.back();
    pending.pop_back();
    if (current >= lists.size() || visited[current]) continue;
    visited[current] = true;
    found.push_back(current);
    const std::vector<std::uint32_t>& includes = lists[current].includes;
    pending.insert(pending.end(), includes.rbegin(), includes.rend());
  }
  return found;
}

std::vector<std::string> flatten(const std::vector<List>& lists,
                                 std::uint32_t index) {
  const std::vector<std::uint32_t> found = with_included(lists, index);
  std::size_t count = 0;
  for (const std::uint32_t list : found) count += lists[list].items.size();
  std::vector<std::string> items;
  items.reserve(count);
  std::unordered_set<std::string_view> seen;
  seen.reserve(count);
  for (const std::uint32_t list : found) {
    assert(lists[list].complete);
    for (const std::string& item : lists[list].items) {
      if (seen.insert(item).second) items.push_back(item);
    }
  }
  return items;
}

}  // namespace bailiff
