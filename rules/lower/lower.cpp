// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/lower.h"

#include <set>
#include <utility>

#include "rules/lower/fold.h"
#include "rules/lower/placement.h"

namespace bailiff {
namespace {

bool applies(const Policy& policy, const Facts& facts,
             const std::vector<List>& lists) {
  if (!policy.scope) return true;
  const Expr scope = fold(*policy.scope, facts, lists);
  // With complete facts nothing is left open; without, the policy may apply.
  return facts.complete ? is_true(scope) : !is_false(scope);
}

bool refuses(const Policy& policy) {
  return policy.mode == Mode::kEnforce && policy.block;
}

}  // namespace

std::string_view to_string(HookPoint hook) {
  switch (hook) {
    case HookPoint::kConnect4:
      return "connect4";
    case HookPoint::kConnect6:
      return "connect6";
  }
  return "";
}

std::string_view to_string(Enforcement enforcement) {
  switch (enforcement) {
    case Enforcement::kKernel:
      return "kernel";
    case Enforcement::kNotify:
      return "notify";
    case Enforcement::kObserve:
      return "observe";
    case Enforcement::kUnsupported:
      return "unsupported";
  }
  return "";
}

Plan lower(const CompiledPolicy& policy, const Facts& facts) {
  Plan plan;
  std::set<std::uint32_t> rules;
  std::set<std::uint32_t> refused;
  for (std::uint32_t i = 0; i < policy.policies.size(); ++i) {
    const Policy& one = policy.policies[i];
    if (!applies(one, facts, policy.lists)) continue;
    plan.policies.push_back(i);
    rules.insert(one.rules.begin(), one.rules.end());
    if (refuses(one)) refused.insert(one.rules.begin(), one.rules.end());
  }
  for (const std::uint32_t rule : rules) {
    PlacedRule placed = place(policy, rule, facts);
    if (placed.connect) {
      // A candidate may turn out not to match: refusing it would break what
      // the rule allows.
      placed.connect->deny =
          refused.contains(rule) && !placed.connect->candidate;
      plan.connect.push_back(*std::move(placed.connect));
    }
    if (placed.container_event) plan.container_event.push_back(rule);
    plan.placements.push_back(std::move(placed.placement));
  }
  return plan;
}

std::vector<Placement> place_all(const CompiledPolicy& policy,
                                 const Facts& facts) {
  std::vector<Placement> placements;
  for (std::uint32_t rule = 0; rule < policy.rules.size(); ++rule) {
    placements.push_back(place(policy, rule, facts).placement);
  }
  return placements;
}

}  // namespace bailiff
