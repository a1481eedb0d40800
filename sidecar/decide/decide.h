// SPDX-License-Identifier: Apache-2.0
// sidecar/decide/decide.h
// What follows from an event: for each policy what is told, and the one
// response that is carried out.  Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/policy/compiled_policy.h"

namespace bailiff::sidecar {

// By whom the rule was found to match.
enum class Enforcement : std::uint8_t {
  kKernel,    // by our program, before the operation took effect
  kNotify,    // by seccomp or by the sidecar, while the call was held
  kObserve,   // by the sidecar, after it
  kExternal,  // by somebody who told us of it (POST /v1/violations)
};
std::string_view to_string(Enforcement enforcement);  // "kernel"

// A rule that matched.
struct Hit {
  std::uint32_t rule = 0;  // index in CompiledPolicy::rules
  Enforcement enforcement = Enforcement::kObserve;
  bool denied = false;  // the kernel refused the operation
};

enum class Verdict : std::uint8_t {
  kDenied,     // the operation did not take effect, whoever asked for that
  kAllowed,    // the kernel judged it and let it pass
  kObserved,   // it had happened when it was judged
  kWouldDeny,  // a policy in monitor mode would have refused it
};
std::string_view to_string(Verdict verdict);  // "denied", …, "would_deny"

// What becomes of the response a policy asks for.
enum class Fate : std::uint8_t {
  kNone,         // it asks for none
  kCarriedOut,   // this one is the decision's response
  kWould,        // not in monitor mode
  kExempt,       // the configuration exempts the container
  kSuperseded,   // a stronger response of another policy is carried out
  kNotTheCause,  // of its lost events: another container has filled the ring
};

struct PolicyDecision {
  std::uint32_t policy = 0;  // index in CompiledPolicy::policies
  Verdict verdict = Verdict::kObserved;
  Response response = Response::kNone;  // as the policy says
  Fate fate = Fate::kNone;
  bool capture = false;  // it asks for evidence, and gets it
};

// The outcome as alerts say it: "would_kill", "exempt", …; "" when that is to
// be seen, as the response is carried out.
std::string foregone_outcome(const PolicyDecision& decision);

struct Decision {
  std::vector<PolicyDecision> policies;  // those that hold the rule, in order
  Response response = Response::kNone;   // to carry out, once
  // The first policy that asks for it, index in CompiledPolicy::policies;
  // without meaning when it is kNone.
  std::uint32_t by = 0;
  bool capture = false;  // before it
};

// `in_scope` are the policies that apply to the container, by index.  No
// policy holds the rule: an empty decision.
Decision decide(const CompiledPolicy& policy,
                const std::vector<std::uint32_t>& in_scope, const Hit& hit,
                bool exempt);

// What alerts on lost events have for a rule.
inline constexpr char kLostEventsRule[] = "Lost events";
// What follows from lost events of a container, by Policy::on_loss; policies
// that have none are left out.  `caused`: it has lost them by its own doing.
Decision decide_loss(const CompiledPolicy& policy,
                     const std::vector<std::uint32_t>& in_scope, bool caused,
                     bool exempt);

}  // namespace bailiff::sidecar
