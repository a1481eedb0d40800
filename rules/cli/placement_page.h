// SPDX-License-Identifier: Apache-2.0
// rules/cli/placement_page.h
// Where rules are decided, as the page `make docs` writes.
#pragma once

#include <string>
#include <vector>

#include "rules/lower/lower.h"

namespace bailiff::cli {

// A Markdown page with how many rules are decided where, and a line for each.
std::string placements_page(const std::vector<Placement>& placements,
                            const CompiledPolicy& policy);

}  // namespace bailiff::cli
