// SPDX-License-Identifier: Apache-2.0
// hook/attach/maps.h
// The maps a program refers to by name: how each is made and what a list holds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/emit/program.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// The items of the list and of all it includes that belong in a map of this
// kind: addresses of its family for kAddress*, and for kNetwork* networks and
// addresses; each as a network, perhaps more than once.  Fails on an item that
// is neither, naming it: a list that is silently shorter would let through what
// the user meant to stop.  Pure.
Result<std::vector<IpNetwork>> list_networks(const std::vector<List>& lists,
                                             std::uint32_t index,
                                             emit::ListKind kind);

// Makes the map, unpinned; for a list with its contents as `policy`, whose
// digest is given, has them.
Result<Map> create_map(const emit::MapRef& ref, const CompiledPolicy& policy,
                       const Digest& digest, Kernel& kernel);

// A new inner map with the table of these networks, to be found again by
// inner_label(digest).
Result<Map> create_inner(emit::ListKind kind,
                         std::span<const IpNetwork> networks,
                         const Digest& digest, Kernel& kernel);

// What the kernel calls the inner maps that are filled from the policy with
// this digest: as much of it as fits, 60 bits.
std::string inner_label(const Digest& digest);

}  // namespace bailiff::hook
