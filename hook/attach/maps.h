// SPDX-License-Identifier: Apache-2.0
// hook/attach/maps.h
// The maps a program refers to by name: how each is made and what a list holds;
// and what all maps are read with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/emit/program.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// Whether what was asked for is not there.
inline bool not_found(const Error& error) {
  return error.code == Code::kNotFound;
}

// A key or a value as the kernel gave it; what is missing of it is zero.
template <typename T>
T value_of(const std::vector<std::byte>& bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(sizeof(value), bytes.size()));
  return value;
}

// An entry that is not there is erased.
Status erase_if_there(const Map& map, Bytes key, Kernel& kernel);

// What a table is made of (list_table.h).
struct ListContents {
  std::vector<IpNetwork> networks;
  std::vector<IpEndpoint> endpoints;

  std::size_t size() const { return networks.size() + endpoints.size(); }
};

// The items of the list and of all it includes that belong in a map of this
// kind: addresses of its family for kAddress*, and for kNetwork* networks and
// addresses; each as a network, or for an address with a port as that, perhaps
// more than once.  Names are networks too, of one name_key() each.  Fails on an
// item that is none, naming it: a list that is silently shorter would let
// through what the user meant to stop.  Pure.
Result<ListContents> list_contents(const std::vector<List>& lists,
                                   std::uint32_t index, emit::ListKind kind);

// Makes the map, unpinned and with nothing in it.  Precondition: not a kList,
// which is no map of its own.
Result<Map> create_map(emit::MapKind kind, Kernel& kernel);

// Makes the table of a list, with its items as `policy`, whose digest is given,
// has them; to be found again by table_label(digest).
Result<Map> create_table(const emit::MapRef& list, const CompiledPolicy& policy,
                         const Digest& digest, Kernel& kernel);
// A table without items, of either family.
Result<Map> create_empty_table(Kernel& kernel);

// Makes the array of a program's numbers: at which places of kTables the
// program finds its lists, in the order of Program::maps.
Result<Map> create_numbers(std::span<const std::uint32_t> numbers,
                           Kernel& kernel);

// What the kernel calls the tables that are filled from the policy with this
// digest: as much of it as fits, 60 bits.
std::string table_label(const Digest& digest);

}  // namespace bailiff::hook
