// SPDX-License-Identifier: Apache-2.0
// tests/kernel/loaded.h
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "rules/policy/load.h"

namespace bailiff::test {

// What two texts, of rules and of policies, compile to.  Throws when they do
// not.
inline CompiledPolicy loaded(std::string rules, std::string policies) {
  LoadInput input;
  input.files.push_back({.name = "rules.yaml", .text = std::move(rules)});
  input.files.push_back({.name = "policies.yaml", .text = std::move(policies)});
  Loaded loaded = load(std::move(input));
  if (!loaded.policy) {
    throw std::runtime_error("the rules do not load: " +
                             loaded.diagnostics.all().front().message);
  }
  return *std::move(loaded.policy);
}

}  // namespace bailiff::test
