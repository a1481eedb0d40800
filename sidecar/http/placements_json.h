// SPDX-License-Identifier: Apache-2.0
// sidecar/http/placements_json.h
#pragma once

#include <string>
#include <vector>

#include "rules/lower/lower.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::sidecar {

// The table of `bailiff explain -o json`: an array with an object for each
// placement, {"rule","enforcement","hooks","fields","reason"}.
std::string placements_json(const CompiledPolicy& policy,
                            const std::vector<Placement>& placements);

}  // namespace bailiff::sidecar
