// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/host_names.h"

#include <algorithm>
#include <set>
#include <variant>

#include "rules/emit/dns_name.h"
#include "rules/lower/fold.h"

namespace bailiff::sidecar {

HostNames::HostNames(const CompiledPolicy& policy) {
  const auto add = [&](const std::string& name) {
    names_.emplace_back(emit::name_hash(name)[0], name);
  };
  std::set<std::uint32_t> lists;
  for (const Rule& rule : policy.rules) {
    for (const Leaf& leaf : leaves_of(rule.condition)) {
      if (leaf.check == nullptr || !of_host_name(leaf.check->field)) continue;
      if (leaf.check->field == FieldId::kFdCipName) of_clients_ = true;
      lists.insert(leaf.check->lists.begin(), leaf.check->lists.end());
      for (const Value& value : leaf.check->values) {
        if (const auto* name = std::get_if<std::string>(&value)) add(*name);
      }
    }
  }
  for (const std::uint32_t list : lists) {
    for (const std::string& name : flatten(policy.lists, list)) add(name);
  }
  std::sort(names_.begin(), names_.end());
}

std::string HostNames::find(std::uint64_t hash) const {
  const auto found = std::lower_bound(
      names_.begin(), names_.end(), hash,
      [](const auto& entry, std::uint64_t key) { return entry.first < key; });
  if (found == names_.end() || found->first != hash) return "";
  return found->second;
}

}  // namespace bailiff::sidecar
