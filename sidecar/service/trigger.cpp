// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/trigger.h"

#include <algorithm>

namespace bailiff::sidecar {

void add_to(std::optional<Trigger>& capture, const CompiledPolicy& policy,
            const std::string& rule, const Decision& decision) {
  if (!decision.capture) return;
  if (!capture) capture = Trigger{.kind = "rule"};
  capture->rules.push_back(rule);
  for (const PolicyDecision& each : decision.policies) {
    const std::string& name = policy.policies[each.policy].name;
    auto& names = capture->policies;
    if (each.capture &&
        std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  }
}

Captures::Leaves left_by(Response response) {
  return response == Response::kKill ? Captures::Leaves::kNothing
                                     : Captures::Leaves::kProcesses;
}

}  // namespace bailiff::sidecar
