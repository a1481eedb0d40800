// SPDX-License-Identifier: Apache-2.0
#include "sidecar/decide/decide.h"

#include <algorithm>

namespace bailiff::sidecar {
namespace {

Verdict verdict_of(const Policy& policy, const Hit& hit) {
  // What happened comes first: when one policy had it refused, it did not
  // happen for the others either.
  if (hit.denied) return Verdict::kDenied;
  if (hit.enforcement != Enforcement::kKernel) return Verdict::kObserved;
  // Only a rule the kernel decides alone could have been refused.
  if (policy.mode == Mode::kMonitor && policy.block) return Verdict::kWouldDeny;
  return Verdict::kAllowed;
}

Fate fate_before_ranking(const Policy& policy, Response response, bool exempt) {
  if (response == Response::kNone) return Fate::kNone;
  if (policy.mode == Mode::kMonitor) return Fate::kWould;
  return exempt ? Fate::kExempt : Fate::kCarriedOut;
}

// Takes up what one policy says.  `exempt`: nothing is to be done to it.
void add(Decision& decision, const Policy& policy, PolicyDecision said,
         bool exempt) {
  // Response is declared weakest first.
  if (said.fate == Fate::kCarriedOut && said.response > decision.response) {
    decision.response = said.response;
    decision.by = said.policy;
  }
  // Freezing changes something, so neither in monitor mode nor to whom is
  // exempt.
  said.capture = policy.capture && policy.mode == Mode::kEnforce && !exempt;
  decision.capture = decision.capture || said.capture;
  decision.policies.push_back(said);
}

void rank(Decision& decision) {
  for (PolicyDecision& each : decision.policies) {
    if (each.fate == Fate::kCarriedOut && each.response < decision.response) {
      each.fate = Fate::kSuperseded;
    }
  }
}

}  // namespace

std::string_view to_string(Enforcement enforcement) {
  switch (enforcement) {
    case Enforcement::kKernel:
      return "kernel";
    case Enforcement::kNotify:
      return "notify";
    case Enforcement::kObserve:
      return "observe";
    case Enforcement::kExternal:
      return "external";
  }
  return "";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDenied:
      return "denied";
    case Verdict::kAllowed:
      return "allowed";
    case Verdict::kObserved:
      return "observed";
    case Verdict::kWouldDeny:
      return "would_deny";
  }
  return "";
}

std::string foregone_outcome(const PolicyDecision& decision) {
  const std::string response(to_string(decision.response));
  switch (decision.fate) {
    case Fate::kNone:
      return "none";
    case Fate::kCarriedOut:
      return "";
    case Fate::kWould:
      return "would_" + response;
    case Fate::kExempt:
      return "exempt";
    case Fate::kSuperseded:
      return "superseded";
    case Fate::kNotTheCause:
      return "not_the_cause";
  }
  return "";
}

Decision decide(const CompiledPolicy& policy,
                const std::vector<std::uint32_t>& in_scope, const Hit& hit,
                bool exempt) {
  Decision decision;
  for (const std::uint32_t index : in_scope) {
    const Policy& each = policy.policies[index];
    if (!std::binary_search(each.rules.begin(), each.rules.end(), hit.rule)) {
      continue;
    }
    add(decision, each,
        {.policy = index,
         .verdict = verdict_of(each, hit),
         .response = each.response,
         .fate = fate_before_ranking(each, each.response, exempt)},
        exempt);
  }
  rank(decision);
  return decision;
}

Decision decide_loss(const CompiledPolicy& policy,
                     const std::vector<std::uint32_t>& in_scope, bool caused,
                     bool exempt) {
  Decision decision;
  for (const std::uint32_t index : in_scope) {
    const Policy& each = policy.policies[index];
    if (each.on_loss == Response::kNone) continue;
    add(decision, each,
        {.policy = index,
         .response = each.on_loss,
         .fate = caused ? fate_before_ranking(each, each.on_loss, exempt)
                        : Fate::kNotTheCause},
        exempt || !caused);
  }
  rank(decision);
  return decision;
}

}  // namespace bailiff::sidecar
