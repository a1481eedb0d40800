// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/maps.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>

#include "oci/sys/errno_error.h"
#include "rules/abi/event.h"
#include "rules/abi/limits.h"
#include "rules/emit/list_table.h"

namespace bailiff::hook {
namespace {

struct KindTraits {
  std::uint8_t family;
  bool network;
};

KindTraits traits(emit::ListKind kind) {
  switch (kind) {
    case emit::ListKind::kAddress4:
      return {4, false};
    case emit::ListKind::kAddress6:
      return {6, false};
    case emit::ListKind::kNetwork4:
      return {4, true};
    case emit::ListKind::kNetwork6:
      return {6, true};
  }
  return {0, false};
}

std::optional<IpNetwork> parse_item(const std::string& item, bool networks) {
  if (networks && item.find('/') != std::string::npos) {
    return parse_network(item);
  }
  const std::optional<IpAddress> address = parse_address(item);
  if (!address) return std::nullopt;
  const int bits = address->family == 4 ? 32 : 128;
  return IpNetwork{*address, static_cast<std::uint8_t>(bits)};
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
  ASSIGN_OR_RETURN(const std::vector<IpNetwork> networks,
                   list_networks(lists, index, ref.list_kind));
  ASSIGN_OR_RETURN(const Map inner,
                   create_inner(ref.list_kind, networks, digest, kernel));
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

Result<std::vector<IpNetwork>> list_networks(const std::vector<List>& lists,
                                             std::uint32_t index,
                                             emit::ListKind kind) {
  if (std::any_of(lists.begin(), lists.end(),
                  [](const List& list) { return !list.complete; })) {
    return invalid_argument("list '" + lists[index].name +
                            "' is made of a policy that was not read whole");
  }
  const KindTraits wanted = traits(kind);
  std::vector<IpNetwork> networks;
  for (const std::uint32_t list : with_included(lists, index)) {
    for (const std::string& item : lists[list].items) {
      const auto network = parse_item(item, wanted.network);
      if (!network) {
        return invalid_argument("list '" + lists[index].name + "': item '" +
                                item + "' is not an IP " +
                                (wanted.network ? "network" : "address"));
      }
      if (network->base.family == wanted.family) networks.push_back(*network);
    }
  }
  if (networks.size() > BAILIFF_MAX_LIST_ENTRIES) {
    return Error{Code::kExhausted,
                 "list '" + lists[index].name + "' has " +
                     std::to_string(networks.size()) + " entries, more than " +
                     std::to_string(BAILIFF_MAX_LIST_ENTRIES)};
  }
  return networks;
}

std::string inner_label(const Digest& digest) {
  return digest.hex().substr(0, BPF_OBJ_NAME_LEN - 1);
}

Result<Map> create_inner(emit::ListKind kind,
                         std::span<const IpNetwork> networks,
                         const Digest& digest, Kernel& kernel) {
  const std::vector<std::byte> table =
      emit::make_list_table(traits(kind).family, networks);
  std::vector<std::uint32_t> pages(table.size() / emit::kListPageBytes);
  std::iota(pages.begin(), pages.end(), 0U);
  ASSIGN_OR_RETURN(
      Map map, kernel.create_map(
                   {.type = MapType::kPages,
                    .name = inner_label(digest),
                    .key_size = sizeof(std::uint32_t),
                    .value_size = emit::kListPageBytes,
                    .max_entries = static_cast<std::uint32_t>(pages.size())},
                   nullptr));
  RETURN_IF_ERROR(kernel.update_all(map, std::as_bytes(std::span(pages)), table,
                                    pages.size()));
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
