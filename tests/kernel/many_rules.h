// SPDX-License-Identifier: Apache-2.0
// tests/kernel/many_rules.h
#pragma once

#include <cstddef>
#include <string>

#include "rules/policy/compiled_policy.h"

namespace bailiff::test {

// So many rules over connections as people write them, no two alike, over
// `lists` lists of addresses and networks, `first` being the number in the name
// of the first list.  Every third one is to be refused, none of the others.
CompiledPolicy many_rules(std::size_t rules, std::size_t lists,
                          std::size_t first = 0);

}  // namespace bailiff::test
