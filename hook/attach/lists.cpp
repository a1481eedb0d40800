// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/lists.h"

#include <chrono>
#include <optional>
#include <utility>

#include "hook/attach/maps.h"
#include "hook/attach/pins.h"
#include "hook/attach/tables.h"
#include "rules/emit/passed.h"

namespace bailiff::hook {
namespace {

constexpr emit::ListKind kKinds[] = {
    emit::ListKind::kAddress4, emit::ListKind::kAddress6,
    emit::ListKind::kNetwork4, emit::ListKind::kNetwork6,
    emit::ListKind::kNames};

// nullopt: no program has made a note.
Result<std::optional<Map>> open_passed(const Pins& pins, Kernel& kernel) {
  Result<Map> map = kernel.open_map(pins.map(emit::MapKind::kPassed));
  if (map) return std::optional<Map>(*std::move(map));
  if (map.error().code == Code::kNotFound) return std::optional<Map>();
  return std::move(map).error();
}

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
  ASSIGN_OR_RETURN(const std::optional<Map> passed, open_passed(pins, kernel));
  RETURN_IF_ERROR(kernel.set_inners(*tables, inners));
  if (passed && !inners.empty()) {
    // What has been let pass is judged anew.  Should the kernel not do it, that
    // comes by itself a moment later: no reason to fail what is done.
    (void)kernel.update_of_each_processor(*passed, bytes_of(std::uint32_t{0}),
                                          bytes_of(emit::Passed{}));
  }
  return Ok{};
}

}  // namespace bailiff::hook
