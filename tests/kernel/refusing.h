// SPDX-License-Identifier: Apache-2.0
// tests/kernel/refusing.h
// Policies from their conditions, and processes that try what they refuse.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rules/policy/compiled_policy.h"

namespace bailiff::test {

// A policy that refuses what fulfils one of the conditions; rule i is named ri.
CompiledPolicy refusing(const std::vector<std::string>& conditions,
                        bool block = true);

// The status of a new process that is moved into the cgroup and does this.
int status_in(int cgroup, const std::function<void()>& body);

}  // namespace bailiff::test
