// SPDX-License-Identifier: Apache-2.0
// oci/spec/exempt.h
// Containers the configuration says are never acted on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/spec/facts.h"

namespace bailiff::oci {

// Whether one of `patterns` (NAMESPACE/*, NAMESPACE/POD, id:PREFIX) names the
// container with this id of the runtime's.  Pods count only when the runtime
// vouches for them (pod_identity_trusted): a pod that the container's own user
// claims to be exempts nothing.  A prefix needs at least one byte: "id:"
// exempts nothing.
bool is_exempt(const std::vector<std::string>& patterns, std::string_view id,
               const ContainerFacts& facts);

}  // namespace bailiff::oci
