// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/list_state.h"

#include <algorithm>
#include <utility>

#include "rules/lower/list_uses.h"

namespace bailiff::sidecar {
namespace {

std::string no_effect(const std::string& list, std::size_t changes) {
  return "list '" + list + "': " + std::to_string(changes) +
         (changes == 1 ? " change" : " changes") +
         " by hand kept, without effect: ";
}

}  // namespace

std::vector<std::string> lay_over(CompiledPolicy& policy, ListState& state) {
  std::vector<std::string> warnings;
  state.touched.clear();
  std::map<std::string, std::vector<const ListChange*>> by_list;
  for (const ListChange& change : state.content.changes) {
    by_list[change.list].push_back(&change);
  }
  if (by_list.empty()) return warnings;
  const ListUses uses(policy);
  for (std::uint32_t i = 0; i < policy.lists.size(); ++i) {
    List& list = policy.lists[i];
    const auto found = by_list.find(list.name);
    if (found == by_list.end()) continue;
    std::vector<const ListChange*> changes = std::move(found->second);
    by_list.erase(found);
    if (!uses.is_table(i) || state.pasted.contains(list.name)) {
      warnings.push_back(no_effect(list.name, changes.size()) +
                         "only the rule files change this list now");
      continue;
    }
    std::erase_if(changes, [&](const ListChange* change) {
      const std::string problem = uses.problem(i, change->item);
      if (problem.empty() || !change->added) return false;
      warnings.push_back(no_effect(list.name, 1) + "item '" + change->item +
                         "' " + problem);
      return true;
    });
    auto file_items =
        std::make_shared<const std::vector<std::string>>(std::move(list.items));
    ChangedItems changed =
        changed_items(*file_items, changes,
                      [&](std::string_view item) { return uses.key(i, item); });
    list.items = std::move(changed.items);
    state.touched[list.name] = {.file_items = std::move(file_items),
                                .appended = changed.appended};
  }
  for (const auto& [name, changes] : by_list) {
    warnings.push_back(no_effect(name, changes.size()) +
                       "no rule file has the list now");
  }
  return warnings;
}

CompiledPolicy with_changes(const CompiledPolicy& current,
                            const ListState& before, ListState& next) {
  CompiledPolicy policy = current;
  for (List& list : policy.lists) {
    const auto touched = before.touched.find(list.name);
    if (touched != before.touched.end()) {
      list.items = *touched->second.file_items;
    }
  }
  lay_over(policy, next);
  return policy;
}

}  // namespace bailiff::sidecar
