// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/lists.h"

#include <chrono>

#include "hook/attach/maps.h"
#include "hook/attach/pins.h"

namespace bailiff::hook {
namespace {

constexpr emit::ListKind kKinds[] = {
    emit::ListKind::kAddress4, emit::ListKind::kAddress6,
    emit::ListKind::kNetwork4, emit::ListKind::kNetwork6};

}  // namespace

Status publish_lists(const std::string& bpf_dir, const CompiledPolicy& policy,
                     Kernel& kernel) {
  return publish_lists(
      bpf_dir, policy.lists, policy_digest(encode(policy)),
      [&]() -> Result<const CompiledPolicy*> { return &policy; }, kernel);
}

Status publish_lists(const std::string& bpf_dir, const std::vector<List>& lists,
                     const Digest& digest, const WholePolicy& whole_policy,
                     Kernel& kernel) {
  const Pins pins(bpf_dir);
  const auto lock =
      kernel.lock(pins.root(), std::chrono::steady_clock::now() + kLockWait);
  if (!lock) {
    if (lock.error().code == Code::kNotFound) return Ok{};
    return lock.error();
  }
  for (std::uint32_t index = 0; index < lists.size(); ++index) {
    const List& list = lists[index];
    for (const emit::ListKind kind : kKinds) {
      const std::string pin = pins.map(
          {.kind = emit::MapKind::kList, .list = list.name, .list_kind = kind});
      const auto outer = kernel.open_map(pin);
      if (!outer) {
        if (outer.error().code == Code::kNotFound) continue;
        return outer.error();
      }
      ASSIGN_OR_RETURN(const std::string label, kernel.inner_name(*outer, 0));
      if (label == inner_label(digest)) continue;
      ASSIGN_OR_RETURN(const CompiledPolicy* policy, whole_policy());
      ASSIGN_OR_RETURN(const std::vector<IpNetwork> networks,
                       list_networks(policy->lists, index, kind));
      ASSIGN_OR_RETURN(const Map inner,
                       create_inner(kind, networks, digest, kernel));
      if (auto swapped = kernel.set_inner(*outer, 0, inner); !swapped) {
        swapped.error().message += " '" + list.name + "'";
        return swapped;
      }
    }
  }
  return Ok{};
}

}  // namespace bailiff::hook
