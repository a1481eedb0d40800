// SPDX-License-Identifier: Apache-2.0
// hook/attach/maps.h
// The maps a program refers to by name: how each is made and what a list holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/emit/program.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::hook {

// What a list map of one kind holds, as the kernel wants it.
struct ListContents {
  std::uint32_t key_size = 0;
  std::size_t count = 0;
  std::vector<std::byte> keys;    // count * key_size
  std::vector<std::byte> values;  // a byte each
};

// The items of the list and of all it includes that belong in a map of this
// kind: addresses of its family for kAddress*, and for kNetwork* networks and,
// as networks of one, addresses.  Fails on an item that is neither, naming it:
// a list that is silently shorter would let through what the user meant to
// stop.  Pure.
Result<ListContents> list_contents(const std::vector<List>& lists,
                                   std::uint32_t index, emit::ListKind kind);

// Makes the map, unpinned; for a list with its contents as `policy`, whose
// digest is given, has them.
Result<Map> create_map(const emit::MapRef& ref, const CompiledPolicy& policy,
                       const Digest& digest, Kernel& kernel);

// A new inner map with these contents, to be found again by
// inner_label(digest).
Result<Map> create_inner(emit::ListKind kind, const ListContents& contents,
                         const Digest& digest, Kernel& kernel);

// What the kernel calls the inner maps that are filled from the policy with
// this digest: as much of it as fits, 60 bits.
std::string inner_label(const Digest& digest);

}  // namespace bailiff::hook
