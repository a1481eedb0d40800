// SPDX-License-Identifier: Apache-2.0
// sidecar/service/trigger.h
#pragma once

#include <optional>
#include <string>

#include "rules/policy/compiled_policy.h"
#include "sidecar/decide/decide.h"
#include "sidecar/evidence/captures.h"

namespace bailiff::sidecar {

// Adds the rule and the policies that ask for evidence to the reason for a
// capture, which is made when there is none; nothing when they ask for none.
void add_to(std::optional<Trigger>& capture, const CompiledPolicy& policy,
            const std::string& rule, const Decision& decision);

// Only a kill leaves no process of the container.
Captures::Leaves left_by(Response response);

}  // namespace bailiff::sidecar
