// SPDX-License-Identifier: Apache-2.0
// rules/policy/policies.h
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/document/policy_file.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff {

// Whether the text matches the pattern, in which `*` stands for any text and
// `?` for any one byte.
bool matches_glob(std::string_view pattern, std::string_view text);

// What policies choose from.
struct RuleChoice {
  const std::vector<Rule>& rules;  // in load order, also those not enabled
  // Rules that were found wrong, or are of a source that is not ours: to name
  // one is no second mistake.
  const std::unordered_set<std::string>& left_out;
};

// The rules the policy's selectors mean: indices, ascending, each once,
// enabled ones only.  A selector that means nothing is reported, as an error
// when it is a name, a pattern or a tag (LOAD_ERR_VALIDATE).
std::vector<std::uint32_t> select_rules(const PolicyItem& policy,
                                        const RuleChoice& choice,
                                        Diagnostics& diagnostics);

}  // namespace bailiff
