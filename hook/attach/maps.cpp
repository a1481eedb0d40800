// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/maps.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <numeric>
#include <optional>
#include <string_view>

#include "oci/sys/errno_error.h"
#include "rules/abi/event.h"
#include "rules/abi/foreign.h"
#include "rules/abi/limits.h"
#include "rules/abi/task.h"
#include "rules/emit/dns_name.h"
#include "rules/emit/list_table.h"
#include "rules/emit/passed.h"

namespace bailiff::hook {
namespace {

// Refused frames that are remembered, by cgroup and address.  Of those past it
// the next frame is told of once more than it need be.
constexpr std::uint32_t kToldFrames = 4096;

struct KindTraits {
  std::uint8_t family;
  bool network;
  std::string_view item;  // what an item is called
};

KindTraits traits(emit::ListKind kind) {
  switch (kind) {
    case emit::ListKind::kAddress4:
      return {4, false, "an IP address"};
    case emit::ListKind::kAddress6:
      return {6, false, "an IP address"};
    case emit::ListKind::kNetwork4:
      return {4, true, "an IP network"};
    case emit::ListKind::kNetwork6:
      return {6, true, "an IP network"};
    case emit::ListKind::kNames:
      return {6, false, "a host name"};
  }
  return {0, false, ""};
}

std::optional<IpNetwork> parse_item(const std::string& item,
                                    emit::ListKind kind) {
  if (kind == emit::ListKind::kNames) {
    if (emit::name_hash(item)[0] == 0) return std::nullopt;
    return IpNetwork{emit::name_key(item), 128};
  }
  if (traits(kind).network && item.find('/') != std::string::npos) {
    return parse_network(item);
  }
  const std::optional<IpAddress> address = parse_address(item);
  if (!address) return std::nullopt;
  const int bits = address->family == 4 ? 32 : 128;
  return IpNetwork{*address, static_cast<std::uint8_t>(bits)};
}

Result<Map> create_pages(std::span<const std::byte> table, std::string name,
                         Kernel& kernel) {
  std::vector<std::uint32_t> pages(table.size() / emit::kListPageBytes);
  std::iota(pages.begin(), pages.end(), 0U);
  ASSIGN_OR_RETURN(
      Map map, kernel.create_map(
                   {.type = MapType::kPages,
                    .name = std::move(name),
                    .key_size = sizeof(std::uint32_t),
                    .value_size = emit::kListPageBytes,
                    .max_entries = static_cast<std::uint32_t>(pages.size())},
                   nullptr));
  RETURN_IF_ERROR(kernel.update_all(map, std::as_bytes(std::span(pages)), table,
                                    pages.size()));
  return map;
}

}  // namespace

Status erase_if_there(const Map& map, Bytes key, Kernel& kernel) {
  Status erased = kernel.erase(map, key);
  if (!erased && not_found(erased.error())) return Ok{};
  return erased;
}

Result<ListContents> list_contents(const std::vector<List>& lists,
                                   std::uint32_t index, emit::ListKind kind) {
  if (std::any_of(lists.begin(), lists.end(),
                  [](const List& list) { return !list.complete; })) {
    return invalid_argument("list '" + lists[index].name +
                            "' is made of a policy that was not read whole");
  }
  const KindTraits wanted = traits(kind);
  ListContents contents;
  const std::vector<std::uint32_t> included = with_included(lists, index);
  contents.networks.reserve(
      std::accumulate(included.begin(), included.end(), std::size_t{0},
                      [&](std::size_t sum, std::uint32_t list) {
                        return sum + lists[list].items.size();
                      }));
  for (const std::uint32_t list : included) {
    for (const std::string& item : lists[list].items) {
      if (const auto network = parse_item(item, kind)) {
        if (network->base.family == wanted.family) {
          contents.networks.push_back(*network);
        }
        continue;
      }
      const auto endpoint =
          kind == emit::ListKind::kNames ? std::nullopt : parse_endpoint(item);
      if (!endpoint) {
        return invalid_argument("list '" + lists[index].name + "': item '" +
                                item + "' is not " + std::string(wanted.item));
      }
      if (endpoint->address.family == wanted.family) {
        contents.endpoints.push_back(*endpoint);
      }
    }
  }
  if (contents.size() > BAILIFF_MAX_LIST_ENTRIES) {
    return Error{Code::kExhausted,
                 "list '" + lists[index].name + "' has " +
                     std::to_string(contents.size()) + " entries, more than " +
                     std::to_string(BAILIFF_MAX_LIST_ENTRIES)};
  }
  return contents;
}

std::string table_label(const Digest& digest) {
  return digest.hex().substr(0, BPF_OBJ_NAME_LEN - 1);
}

Result<Map> create_table(const emit::MapRef& list, const CompiledPolicy& policy,
                         const Digest& digest, Kernel& kernel) {
  const std::vector<List>& lists = policy.lists;
  const auto found = std::find_if(
      lists.begin(), lists.end(),
      [&](const List& candidate) { return candidate.name == list.list; });
  if (found == lists.end()) {
    return invalid_argument("the policy has no list '" + list.list + "'");
  }
  const auto index = static_cast<std::uint32_t>(found - lists.begin());
  ASSIGN_OR_RETURN(const ListContents contents,
                   list_contents(lists, index, list.list_kind));
  Result<Map> table = Error{Code::kExhausted, "not enough memory"};
  try {
    table = create_pages(
        emit::make_list_table(traits(list.list_kind).family, contents.networks,
                              contents.endpoints),
        table_label(digest), kernel);
  } catch (const std::bad_alloc&) {
    // How long a list is others decide: it is told of like what the kernel has
    // no memory for.
  }
  if (!table) {
    Error& error = table.error();
    error.message = "list '" + list.list + "' with " +
                    std::to_string(contents.size()) +
                    " entries: " + error.message;
    if (error.code == Code::kExhausted) {
      error.message +=
          "; raise the memory limit of the process's cgroup, or shorten the "
          "list";
    }
  }
  return table;
}

Result<Map> create_empty_table(Kernel& kernel) {
  return create_pages(emit::make_list_table(4, {}), "empty", kernel);
}

Result<Map> create_numbers(std::span<const std::uint32_t> numbers,
                           Kernel& kernel) {
  std::vector<std::uint32_t> value = {
      static_cast<std::uint32_t>(numbers.size())};
  value.insert(value.end(), numbers.begin(), numbers.end());
  const Bytes bytes = std::as_bytes(std::span(value));
  ASSIGN_OR_RETURN(
      Map map,
      kernel.create_map({.type = MapType::kArray,
                         .name = "bailiff_numbers",
                         .key_size = sizeof(std::uint32_t),
                         .value_size = static_cast<std::uint32_t>(bytes.size()),
                         .max_entries = 1},
                        nullptr));
  RETURN_IF_ERROR(kernel.update(map, bytes_of(std::uint32_t{0}), bytes));
  return map;
}

Result<Map> create_map(emit::MapKind kind, Kernel& kernel) {
  switch (kind) {
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
    case emit::MapKind::kTold:
      return kernel.create_map({.type = MapType::kLruHash,
                                .name = "bailiff_told",
                                .key_size = sizeof(bailiff_told_key),
                                .value_size = sizeof(bailiff_connect_event),
                                .max_entries = kToldFrames},
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
    case emit::MapKind::kJudged:
      // As hook/bpf/foreign.bpf.c declares it.
      return kernel.create_map({.type = MapType::kHash,
                                .name = "bailiff_judged",
                                .key_size = sizeof(std::uint64_t),
                                .value_size = sizeof(bailiff_judged),
                                .max_entries = BAILIFF_MAX_JUDGED},
                               nullptr);
    case emit::MapKind::kPassed:
      return kernel.create_map({.type = MapType::kPerCpuArray,
                                .name = "bailiff_passed",
                                .key_size = sizeof(std::uint32_t),
                                .value_size = sizeof(emit::Passed),
                                .max_entries = 1},
                               nullptr);
    case emit::MapKind::kSenders:
      // The kernel sizes it: an entry ends with its socket.
      return kernel.create_map({.type = MapType::kSocketStorage,
                                .name = "bailiff_senders",
                                .key_size = sizeof(std::uint32_t),
                                .value_size = sizeof(bailiff_sender),
                                .max_entries = 0},
                               nullptr);
    case emit::MapKind::kTasks:
      return kernel.create_map({.type = MapType::kSparseHash,
                                .name = "bailiff_tasks",
                                .key_size = sizeof(std::uint32_t),
                                .value_size = sizeof(bailiff_task),
                                .max_entries = BAILIFF_MAX_TASKS},
                               nullptr);
    case emit::MapKind::kTables: {
      ASSIGN_OR_RETURN(const Map shape, create_empty_table(kernel));
      return kernel.create_map({.type = MapType::kArrayOfMaps,
                                .name = "bailiff_tables",
                                .key_size = sizeof(std::uint32_t),
                                .value_size = sizeof(std::uint32_t),
                                .max_entries = BAILIFF_MAX_TABLES},
                               &shape);
    }
    case emit::MapKind::kList:
      break;
  }
  return invalid_argument("a list is no map of its own");
}

}  // namespace bailiff::hook
