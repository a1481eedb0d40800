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
#include "rules/base/priority.h"
#include "rules/document/located_text.h"
#include "rules/document/mapping_reader.h"
#include "rules/document/placed_texts.h"
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

// A list or macro whose only key is replaced is a definition: in Falco it need
// not be there before.
struct ListItem {
  PlacedText name;
  Keyed<PlacedTexts> items;
};

struct MacroItem {
  PlacedText name;
  Keyed<LocatedText> condition;
};

// What stands at `fields`, `comps` or one of the `values` of an exception: a
// scalar or a sequence of these.  What is neither, or absent, is an empty
// scalar.
struct ExceptionEntry {
  std::string text;
  Span span;
  bool is_list = false;
  std::vector<ExceptionEntry> entries;

  bool given() const { return is_list ? !entries.empty() : !text.empty(); }
};

struct RuleException {
  PlacedText name;
  ExceptionEntry fields;
  ExceptionEntry comps;
  std::vector<ExceptionEntry> values;
};

enum class RuleItemKind {
  kDefinition,
  kAppend,    // `append: true` (deprecated): of condition and exceptions only
  kOverride,  // `override` names the keys it has
  kSwitch,    // none of what makes a rule, but `enabled` (deprecated)
};

struct RuleItem {
  PlacedText name;
  RuleItemKind kind = RuleItemKind::kDefinition;
  std::optional<Keyed<LocatedText>> condition;
  std::optional<Keyed<LocatedText>> output;
  std::optional<Keyed<LocatedText>> description;
  std::optional<Keyed<Priority>> priority;
  std::optional<PlacedText> source;
  std::optional<Keyed<PlacedTexts>> tags;
  std::optional<Keyed<std::vector<RuleException>>> exceptions;
  std::optional<Keyed<bool>> enabled;
  std::optional<Keyed<bool>> warn_evttypes;
  std::optional<Keyed<bool>> skip_if_unknown_filter;
  // Something else in it was reported: what is here is still worth checking.
  bool broken = false;
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
