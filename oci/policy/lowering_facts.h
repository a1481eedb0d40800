// SPDX-License-Identifier: Apache-2.0
// oci/policy/lowering_facts.h
#pragma once

#include "oci/spec/facts.h"
#include "rules/lower/lower.h"

namespace bailiff::oci {

// A container's facts as the compiler folds them: complete, since what its
// creation does not tell of it will never be told.  Pure.
Facts lowering_facts(const ContainerFacts& facts);

}  // namespace bailiff::oci
