// SPDX-License-Identifier: Apache-2.0
// oci/policy/held_calls.h
#pragma once

#include <vector>

#include "rules/emit/seccomp_plan.h"

namespace bailiff::oci {

// What seccomp has to do for a container.  Pure.  `plan` is that of `facts`.
std::vector<SeccompCall> seccomp_calls(const CompiledPolicy& policy,
                                       const Plan& plan, const Facts& facts);

}  // namespace bailiff::oci
