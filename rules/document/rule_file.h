// SPDX-License-Identifier: Apache-2.0
// rules/document/rule_file.h
// A Falco rule file as written: its lists, macros and rules one after the
// other, nothing looked up, nothing merged.  falco-language, section 2.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/document/located_text.h"
#include "rules/document/mapping_reader.h"
#include "rules/document/yaml.h"

namespace bailiff {

// What a key of an item does to what an earlier item of that name said.
enum class Change {
  kDefine,   // the item is a definition of its own
  kAppend,   // `append: true`, or `override: {KEY: append}`
  kReplace,  // `override: {KEY: replace}`
};

template <typename T>
struct Keyed {
  T value;
  Change change = Change::kDefine;
};

struct ListItem {
  PlacedText name;
  Keyed<std::vector<PlacedText>> items;
};

struct MacroItem {
  PlacedText name;
  Keyed<LocatedText> condition;
};

struct RuleItem {
  PlacedText name;
  std::optional<Keyed<LocatedText>> condition;
  std::optional<Keyed<LocatedText>> output;
  std::optional<Keyed<LocatedText>> description;
  std::optional<Keyed<PlacedText>> priority;
  std::optional<PlacedText> source;
  std::optional<Keyed<std::vector<PlacedText>>> tags;
  std::optional<Keyed<bool>> enabled;
  std::optional<Keyed<bool>> warn_evttypes;
  std::optional<Keyed<bool>> skip_if_unknown_filter;
  // How the item as a whole relates to an earlier rule of that name.
  // kReplace: at least one key is replaced and none is defined.
  Change change = Change::kDefine;
  // Something else in it was reported: what is here is still worth checking.
  bool broken = false;
  // Nothing but `rule` and `enabled`: switches an earlier rule (deprecated).
  bool only_enabled = false;
};

// An item of which nothing can be used but its type and name.
struct BrokenItem {
  std::string type;  // "list", "macro" or "rule"
  std::string name;  // may be empty
};

using RuleFileItem = std::variant<ListItem, MacroItem, RuleItem, BrokenItem>;

// The items of all documents of a rule file, in order.  An item with a mistake
// is reported and marked, or becomes a BrokenItem; the others are still read.
std::vector<RuleFileItem> read_rule_file(const yaml::Stream& stream,
                                         Diagnostics& diagnostics);

}  // namespace bailiff
