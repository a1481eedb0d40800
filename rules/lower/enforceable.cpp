// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/enforceable.h"

#include <utility>

#include "rules/base/codes.h"
#include "rules/lower/host_name.h"
#include "rules/lower/lower.h"

namespace bailiff {
namespace {

// By the mode: what is asked for and cannot be had.
std::pair<Severity, std::string_view> unkept(Mode mode) {
  switch (mode) {
    case Mode::kEnforce:
      return {Severity::kError, "cannot be enforced"};
    case Mode::kMonitor:
      return {Severity::kWarning, "cannot be observed and never fires"};
  }
  return {Severity::kError, "cannot be enforced"};
}

// Whether a rule of the policy at `index` names a host that nobody can ask for.
// An error whatever the mode: a pattern, say, would seem to be listed.
bool refuse_names(Loaded& loaded, std::size_t index, std::uint32_t rule) {
  const CompiledPolicy& compiled = *loaded.policy;
  const std::string name =
      first_no_host_name(compiled.rules[rule].condition, compiled.lists);
  if (name.empty()) return false;
  loaded.diagnostics.add(
      {.severity = Severity::kError,
       .code = codes::kValidate,
       .message = "rule '" + compiled.rules[rule].name +
                  "' compares host names with '" + name + "', which is not one",
       .span = loaded.policy_names[index],
       .hint = "write each name by itself, or '.example.com' for a domain and "
               "all below it; there are no other patterns, and other scripts "
               "are written as xn--…",
       .item_type = "policy",
       .item_name = compiled.policies[index].name});
  return true;
}

}  // namespace

void check_enforceable(Loaded& loaded) {
  if (!loaded.policy) return;
  const CompiledPolicy& compiled = *loaded.policy;
  const std::vector<Placement> placements = place_all(compiled, Facts{});
  bool refused = false;
  for (std::size_t i = 0; i < compiled.policies.size(); ++i) {
    const Policy& policy = compiled.policies[i];
    const auto [severity, what] = unkept(policy.mode);
    for (const std::uint32_t rule : policy.rules) {
      if (placements[rule].enforcement != Enforcement::kUnsupported) {
        if (refuse_names(loaded, i, rule)) refused = true;
        continue;
      }
      loaded.diagnostics.add(
          {.severity = severity,
           .code = severity == Severity::kError ? codes::kValidate
                                                : codes::kWarnUnknownFilter,
           .message = "rule '" + compiled.rules[rule].name + "' " +
                      std::string(what) + ": " + placements[rule].reason,
           .span = loaded.policy_names[i],
           .hint = "take the rule out of the policy; 'bailiff explain' tells "
                   "where each rule is decided",
           .item_type = "policy",
           .item_name = policy.name});
      refused = refused || severity == Severity::kError;
    }
  }
  if (refused) loaded.policy.reset();
}

}  // namespace bailiff
