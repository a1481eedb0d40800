// SPDX-License-Identifier: Apache-2.0
// rules/lower/placement.h
// Where one rule is decided.
#pragma once

#include <optional>
#include <string_view>

#include "rules/lower/lower.h"

namespace bailiff {

struct PlacedRule {
  Placement placement;
  // For the connect hooks; absent when no connection can fulfil the rule.
  // `deny` is left to the policies.
  std::optional<KernelRule> connect;
  bool container_event = false;
};

PlacedRule place(const CompiledPolicy& policy, std::uint32_t rule,
                 const Facts& facts);

// Why the connect hooks do not know a field that is not kFromKernelConnect,
// said of its name: "is read from /proc after …".
std::string_view why_not_in_kernel(FieldId id);

}  // namespace bailiff
