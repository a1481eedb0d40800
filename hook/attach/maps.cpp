// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/maps.h"

#include <algorithm>
#include <array>

#include "oci/sys/errno_error.h"
#include "rules/abi/event.h"
#include "rules/abi/limits.h"
#include "rules/types/value.h"

namespace bailiff::hook {
namespace {

// A hash map has as many buckets as it may have entries, and what most connects
// do is miss: with four times the room a miss nearly always ends at an empty
// bucket, a third faster than at a chain (100,000 entries).  The room costs 16
// bytes a bucket, so longer lists go without.
constexpr std::size_t kRoom = 4;
constexpr std::size_t kMaxEntriesWithRoom = 1U << 20;

struct KindTraits {
  std::uint8_t family;
  std::size_t address_bytes;
  bool network;
};

KindTraits traits(emit::ListKind kind) {
  switch (kind) {
    case emit::ListKind::kAddress4:
      return {4, 4, false};
    case emit::ListKind::kAddress6:
      return {6, 16, false};
    case emit::ListKind::kNetwork4:
      return {4, 4, true};
    case emit::ListKind::kNetwork6:
      return {6, 16, true};
  }
  return {0, 0, false};
}

void append(std::vector<std::byte>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

MapSpec inner_spec(emit::ListKind kind, std::size_t entries,
                   const std::string& name) {
  const KindTraits wanted = traits(kind);
  const std::size_t prefix = wanted.network ? sizeof(std::uint32_t) : 0;
  const bool roomy = !wanted.network && entries <= kMaxEntriesWithRoom;
  return {
      .type = wanted.network ? MapType::kLpmTrie : MapType::kHash,
      .name = name,
      .key_size = static_cast<std::uint32_t>(prefix + wanted.address_bytes),
      .value_size = 1,
      // The kernel makes no empty map.
      .max_entries = static_cast<std::uint32_t>(
          std::max<std::size_t>(entries, 1) * (roomy ? kRoom : 1)),
  };
}

Result<Map> create_list(const emit::MapRef& ref, const CompiledPolicy& policy,
                        const Digest& digest, Kernel& kernel) {
  const std::vector<List>& lists = policy.lists;
  const auto list = std::find_if(
      lists.begin(), lists.end(),
      [&](const List& candidate) { return candidate.name == ref.list; });
  if (list == lists.end()) {
    return invalid_argument("the policy has no list '" + ref.list + "'");
  }
  const auto index = static_cast<std::uint32_t>(list - lists.begin());
  ASSIGN_OR_RETURN(const ListContents contents,
                   list_contents(lists, index, ref.list_kind));
  ASSIGN_OR_RETURN(const Map inner,
                   create_inner(ref.list_kind, contents, digest, kernel));
  ASSIGN_OR_RETURN(Map outer,
                   kernel.create_map({.type = MapType::kArrayOfMaps,
                                      .name = ref.list,
                                      .key_size = sizeof(std::uint32_t),
                                      .value_size = sizeof(std::uint32_t),
                                      .max_entries = 1},
                                     &inner));
  RETURN_IF_ERROR(kernel.set_inner(outer, 0, inner));
  return outer;
}

}  // namespace

Result<ListContents> list_contents(const std::vector<List>& lists,
                                   std::uint32_t index, emit::ListKind kind) {
  if (std::any_of(lists.begin(), lists.end(),
                  [](const List& list) { return !list.complete; })) {
    return invalid_argument("list '" + lists[index].name +
                            "' is made of a policy that was not read whole");
  }
  const KindTraits wanted = traits(kind);
  ListContents contents;
  contents.key_size = inner_spec(kind, 1, "").key_size;
  for (const std::string& item : flatten(lists, index)) {
    std::optional<IpNetwork> network;
    if (const std::optional<IpAddress> address = parse_address(item)) {
      const int bits = address->family == 4 ? 32 : 128;
      network = IpNetwork{*address, static_cast<std::uint8_t>(bits)};
    } else if (wanted.network) {
      network = parse_network(item);
    }
    if (!network) {
      return invalid_argument("list '" + lists[index].name + "': item '" +
                              item + "' is not an IP " +
                              (wanted.network ? "network" : "address"));
    }
    if (network->base.family != wanted.family) continue;
    if (wanted.network) {
      append(contents.keys, bytes_of(std::uint32_t{network->prefix}));
    }
    append(contents.keys,
           bytes_of(network->base.bytes).first(wanted.address_bytes));
    ++contents.count;
  }
  if (contents.count > BAILIFF_MAX_LIST_ENTRIES) {
    return Error{Code::kExhausted,
                 "list '" + lists[index].name + "' has " +
                     std::to_string(contents.count) + " entries, more than " +
                     std::to_string(BAILIFF_MAX_LIST_ENTRIES)};
  }
  contents.values.assign(contents.count, std::byte{1});
  return contents;
}

std::string inner_label(const Digest& digest) {
  return digest.hex().substr(0, BPF_OBJ_NAME_LEN - 1);
}

Result<Map> create_inner(emit::ListKind kind, const ListContents& contents,
                         const Digest& digest, Kernel& kernel) {
  ASSIGN_OR_RETURN(Map map, kernel.create_map(inner_spec(kind, contents.count,
                                                         inner_label(digest)),
                                              nullptr));
  RETURN_IF_ERROR(
      kernel.update_all(map, contents.keys, contents.values, contents.count));
  return map;
}

Result<Map> create_map(const emit::MapRef& ref, const CompiledPolicy& policy,
                       const Digest& digest, Kernel& kernel) {
  switch (ref.kind) {
    case emit::MapKind::kEvents:
      return kernel.create_map({.type = MapType::kRingBuffer,
                                .name = "bailiff_events",
                                .max_entries = BAILIFF_RING_BYTES},
                               nullptr);
    case emit::MapKind::kLost:
      return kernel.create_map({.type = MapType::kPerCpuArray,
                                .name = "bailiff_lost",
                                .key_size = sizeof(std::uint32_t),
                                .value_size = sizeof(std::uint64_t),
                                .max_entries = 1},
                               nullptr);
    case emit::MapKind::kContainers:
      // The kernel sizes it: an entry for each cgroup a program that uses it
      // is attached to, made with the link.
      return kernel.create_map({.type = MapType::kCgroupStorage,
                                .name = "bailiff_contain",
                                .key_size = sizeof(std::uint64_t),
                                .value_size = sizeof(bailiff_container_state),
                                .max_entries = 0},
                               nullptr);
    case emit::MapKind::kList:
      break;
  }
  return create_list(ref, policy, digest, kernel);
}

}  // namespace bailiff::hook
