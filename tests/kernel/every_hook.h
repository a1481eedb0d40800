// SPDX-License-Identifier: Apache-2.0
// tests/kernel/every_hook.h
#pragma once

#include <string>
#include <vector>

#include "rules/policy/compiled_policy.h"

namespace bailiff::test {

// A policy that has a program at each hook point there is, that learns names,
// and whose processes have bits and are observed.  It refuses peers at `hosts`
// both ways.
CompiledPolicy every_hook(std::vector<std::string> hosts);

}  // namespace bailiff::test
