// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/lists.h"

#include <chrono>

#include "hook/attach/maps.h"
#include "hook/attach/pins.h"
#include "hook/attach/tables.h"

namespace bailiff::hook {
namespace {

constexpr emit::ListKind kKinds[] = {
    emit::ListKind::kAddress4, emit::ListKind::kAddress6,
    emit::ListKind::kNetwork4, emit::ListKind::kNetwork6,
    emit::ListKind::kNames};

}  // namespace

Status publish_lists(const std::string& bpf_dir, const CompiledPolicy& policy,
                     const Digest& digest, Kernel& kernel) {
  const Pins pins(bpf_dir);
  const auto lock =
      kernel.lock(pins.root(), std::chrono::steady_clock::now() + kLockWait);
  if (!lock) {
    if (lock.error().code == Code::kNotFound) return Ok{};
    return lock.error();
  }
  return publish_locked(
      pins, policy.lists, digest,
      [&]() -> Result<const CompiledPolicy*> { return &policy; }, kernel);
}

Status publish_locked(const Pins& pins, const std::vector<List>& lists,
                      const Digest& digest, const WholePolicy& whole_policy,
                      Kernel& kernel) {
  const auto tables = kernel.open_map(pins.map(emit::MapKind::kTables));
  if (!tables) {
    if (tables.error().code == Code::kNotFound) return Ok{};
    return tables.error();
  }
  std::vector<Map> made;
  std::vector<InnerMap> inners;
  for (const List& list : lists) {
    for (const emit::ListKind kind : kKinds) {
      const emit::MapRef ref = {
          .kind = emit::MapKind::kList, .list = list.name, .list_kind = kind};
      ASSIGN_OR_RETURN(const auto place, place_of(ref, pins, kernel));
      if (!place) continue;
      ASSIGN_OR_RETURN(const std::string label,
                       kernel.inner_name(*tables, *place));
      if (label == table_label(digest)) continue;
      ASSIGN_OR_RETURN(const CompiledPolicy* policy, whole_policy());
      ASSIGN_OR_RETURN(Map table, create_table(ref, *policy, digest, kernel));
      inners.push_back({.index = *place, .fd = table.fd()});
      made.push_back(std::move(table));
    }
  }
  return kernel.set_inners(*tables, inners);
}

}  // namespace bailiff::hook
