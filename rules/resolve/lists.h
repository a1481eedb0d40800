// SPDX-License-Identifier: Apache-2.0
// rules/resolve/lists.h
#pragma once

#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/resolve/definitions.h"
#include "rules/types/check.h"

namespace bailiff {

// Tells the items of each list that are values from those that name another
// list.  Falco pastes items into conditions as text, which is why they may
// carry quotes inside their YAML quotes: "\"5.255.97.172\"" means the inner
// text, and never a list.
//
// Reports items that pasting would tear apart and lists that include
// themselves (LOAD_ERR_VALIDATE); the offending item or include is left out,
// so that what is returned has no loops.  Same order as `lists`.
std::vector<ListDefinition> resolve_lists(const std::vector<RawList>& lists,
                                          Diagnostics& diagnostics);

}  // namespace bailiff
