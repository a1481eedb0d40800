// SPDX-License-Identifier: Apache-2.0
// oci/policy/lowering_facts.h
#pragma once

#include <string>
#include <vector>

#include "oci/spec/facts.h"
#include "rules/base/result.h"
#include "rules/lower/lower.h"

namespace bailiff::oci {

// A container's facts as the compiler folds them: complete, since what its
// creation does not tell of it will never be told.  Pure.
Facts lowering_facts(const ContainerFacts& facts);

// A policy that asks of a container what nobody has told.
struct Unanswered {
  bool enforces;  // else it monitors, and nothing needs to be refused
  std::string sentence;
};
std::vector<Unanswered> unanswered(const CompiledPolicy& policy,
                                   const Facts& facts);
// An error, of the first one, when one that enforces is among them: whether it
// is for the container cannot be known.
Status check_answered(const std::vector<Unanswered>& all);

}  // namespace bailiff::oci
