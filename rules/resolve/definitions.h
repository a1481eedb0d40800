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
#include "rules/base/priority.h"
#include "rules/document/rule_file.h"

namespace bailiff {

// `defined` and `changed` of lists and macros: the order of the first
// definition and of the last change, counted over all items.

struct RawList {
  PlacedText name;
  PlacedTexts items;
  // Its only definition had a mistake: what names it is not wrong for it.
  bool broken = false;
  std::size_t defined = 0;
  std::size_t changed = 0;
};

struct RawMacro {
  PlacedText name;
  LocatedText condition;
  // A macro sees those whose `defined` is below its `changed`.
  std::size_t defined = 0;
  std::size_t changed = 0;
};

struct RawRule {
  PlacedText name;
  LocatedText condition;  // without its exceptions
  LocatedText output;
  LocatedText description;
  Priority priority = Priority::kDebug;
  std::optional<PlacedText> source;
  std::vector<RuleException> exceptions;
  PlacedTexts tags;  // as added; may repeat
  bool enabled = true;
  bool warn_evttypes = true;
  bool skip_if_unknown_filter = false;
  // An item of it had a mistake: parts may be missing, and it cannot be used.
  bool broken = false;
};

// What a rule without a source is about, and all that Bailiff sees.
inline constexpr std::string_view kSyscallSource = "syscall";

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

// Merges the items, in load order.  An append to or override of nothing, a rule
// that changes its source and an exception that cannot be (see exceptions.h)
// are reported (LOAD_ERR_VALIDATE) and left out.
Definitions merge(std::vector<RuleFileItem> items, Diagnostics& diagnostics);

}  // namespace bailiff
