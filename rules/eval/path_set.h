// SPDX-License-Identifier: Apache-2.0
// rules/eval/path_set.h
// The operands of `pmatch`, by their components.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/eval/value_view.h"

namespace bailiff {

// What a look-up costs depends on the components of the path and on the
// patterns with globs, not on how many other patterns there are.  Reading is
// safe from any thread.
class PathSet {
 public:
  void insert(const Value& pattern);
  void finish() {}
  // Whether path_matches() holds for one of the patterns.
  bool contains(std::string_view path) const;

 private:
  using Components =
      std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>>;
  // Patterns that begin alike.
  struct Node {
    bool ends = false;  // one of them does not go on
    // To the others, by their next component.
    Components plain;
    Components globs;
  };

  std::uint32_t next(std::uint32_t node, std::string_view component);

  std::vector<Node> nodes_ = std::vector<Node>(1);
};

}  // namespace bailiff
