// SPDX-License-Identifier: Apache-2.0
// oci/inject/seccomp.h
// Puts what Bailiff wants of seccomp into a container's own profile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/spec/config.h"
#include "oci/spec/seccomp_profile.h"
#include "rules/base/result.h"
#include "rules/emit/seccomp_plan.h"

namespace bailiff::oci {

struct SeccompRequest {
  std::vector<SeccompCall> calls;  // none: the profile stays as it is
  std::string policy;              // digest of the policy they are made of
  std::string listener;            // absolute path of bailiffd's socket
  std::string token;               // by which it knows the container
};

// The profile with the request in it.  Pure.  A call the profile refuses stays
// refused, whatever it refuses it by; a call it allows is refused, held or
// allowed as the request says.
//
// libseccomp makes one filter of all rules.  Two rules of a call whose
// conditions overlap and whose actions differ have no order that could be
// relied on, so none are made: either the conditions of what allows the call
// are split along the request's cells, which are disjoint, or, where the
// profile tells the call's arguments apart itself, each rule that allows it
// becomes one that holds it, under the same condition.
//
// Without a profile, everything else is allowed, as it was; 32-bit calls, which
// would be a way around, are in it.
//
// Errors: the profile has a listener of its own, since a filter has one; or it
// allows everything but some arguments of a call in a way that cannot be
// written as a condition.
Result<SeccompProfile> extend(std::optional<SeccompProfile> profile,
                              const SeccompRequest& request);

// The same in a config.json, whatever an earlier one did to it.  Doing it twice
// changes nothing the second time.
Status inject_seccomp(ConfigDocument& document, const SeccompRequest& request);

}  // namespace bailiff::oci
