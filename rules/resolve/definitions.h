// SPDX-License-Identifier: Apache-2.0
// rules/resolve/definitions.h
// The items of all rule files put together: one definition for each name, with
// appends and overrides applied.  falco-language, section 2.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/document/rule_file.h"

namespace bailiff {

struct RawList {
  PlacedText name;
  std::vector<PlacedText> items;
};

struct RawMacro {
  PlacedText name;
  LocatedText condition;
  // Order of the first definition and of the last change, counted over all
  // items: a macro sees those whose `defined` is below its `changed`.
  std::size_t defined = 0;
  std::size_t changed = 0;
};

struct RawRule {
  PlacedText name;
  LocatedText condition;
  LocatedText output;
  LocatedText description;
  PlacedText priority;
  std::optional<PlacedText> source;
  std::vector<PlacedText> tags;  // as added; may repeat
  bool enabled = true;
  bool warn_evttypes = true;
  bool skip_if_unknown_filter = false;
  // An item of it had a mistake: parts may be missing, and it cannot be used.
  bool broken = false;
};

// A redefinition takes the place of the first definition, so each vector is in
// the order of first definitions.
struct Definitions {
  std::vector<RawList> lists;
  std::vector<RawMacro> macros;
  std::vector<RawRule> rules;
  // Items that could not be read, by "list", "macro" or "rule" and name: what
  // refers to them is not wrong for it.
  std::unordered_set<std::string> broken;

  bool is_broken(std::string_view type, std::string_view name) const {
    return broken.contains(std::string(type) + " " + std::string(name));
  }
};

// Merges the items, in load order.  An append to or override of nothing, and
// a rule that changes its source, are reported (LOAD_ERR_VALIDATE) and left
// out.
Definitions merge(std::vector<RuleFileItem> items, Diagnostics& diagnostics);

}  // namespace bailiff
