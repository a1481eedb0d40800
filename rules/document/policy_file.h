// SPDX-License-Identifier: Apache-2.0
// rules/document/policy_file.h
// A policy file as written: which rules to enforce, where and how, with the
// rules not yet looked up.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/base/response.h"
#include "rules/document/located_text.h"
#include "rules/document/mapping_reader.h"
#include "rules/document/yaml.h"

namespace bailiff {

// One entry of `rules`.  A text selects by name, with * and ? as wildcards; a
// mapping selects the rules that meet all its keys.
struct RuleSelector {
  std::optional<PlacedText> pattern;
  std::optional<std::vector<PlacedText>> tags;  // any of them
  std::optional<PlacedText> priority;           // ">=WARNING"
  Span span;
};

struct PolicyItem {
  PlacedText name;
  std::optional<LocatedText> scope;
  std::vector<RuleSelector> rules;
  bool monitor = false;
  bool block = false;
  bool capture = false;
  Response response = Response::kNone;
  Response on_loss = Response::kNone;
  ResponseTerms terms;
  std::optional<std::vector<PlacedText>> notify;
};

// Whether the text is a policy file: a mapping with the key `policies`.
bool is_policy_file(const yaml::Stream& stream);

// The policies of all documents, in order.  A policy with a mistake is
// reported and left out.  `grace`, `pause_limit` and the like are without
// effect on other responses.
std::vector<PolicyItem> read_policy_file(const yaml::Stream& stream,
                                         Diagnostics& diagnostics);

}  // namespace bailiff
