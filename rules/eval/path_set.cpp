// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/path_set.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

// The first component, cut off the path; empty when there is none.
std::string_view cut_component(std::string_view& path) {
  const std::size_t begin = path.find_first_not_of('/');
  if (begin == std::string_view::npos) return {};
  const std::size_t end = std::min(path.find('/', begin), path.size());
  const std::string_view component = path.substr(begin, end - begin);
  path.remove_prefix(end);
  return component;
}

}  // namespace

void PathSet::insert(const Value& pattern) {
  const auto* text = std::get_if<std::string>(&pattern);
  if (text == nullptr) return;
  std::string_view rest = *text;
  std::uint32_t node = 0;
  for (;;) {
    const std::string_view component = cut_component(rest);
    if (component.empty()) break;
    node = next(node, component);
  }
  nodes_[node].ends = true;
}

std::uint32_t PathSet::next(std::uint32_t node, std::string_view component) {
  const bool glob = component.find_first_of("?*[") != std::string_view::npos;
  Components& known = glob ? nodes_[node].globs : nodes_[node].plain;
  const auto [found, added] =
      known.emplace(component, static_cast<std::uint32_t>(nodes_.size()));
  const std::uint32_t behind = found->second;
  if (added) nodes_.emplace_back();
  return behind;
}

bool PathSet::contains(std::string_view path) const {
  // Where globs led to, and what was left of the path there.
  std::vector<std::pair<std::uint32_t, std::string_view>> branches;
  std::uint32_t node = 0;
  for (;;) {
    const Node& at = nodes_[node];
    if (at.ends) return true;
    const std::string_view component = cut_component(path);
    if (!component.empty()) {
      for (const auto& [glob, behind] : at.globs) {
        if (path_matches(glob, component)) branches.emplace_back(behind, path);
      }
      const auto plain = at.plain.find(component);
      if (plain != at.plain.end()) {
        node = plain->second;
        continue;
      }
    }
    if (branches.empty()) return false;
    std::tie(node, path) = branches.back();
    branches.pop_back();
  }
}

}  // namespace bailiff
