// SPDX-License-Identifier: Apache-2.0
// sidecar/service/list_state.h
// The lists of the rule files with what people changed of them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "rules/policy/compiled_policy.h"
#include "sidecar/lists/list_changes.h"

namespace bailiff::sidecar {

// Copies are cheap: what is long is shared, and never changes.
struct ListState {
  ListChanges content;
  // Lists that stand in conditions as text, which changes do not reach.
  std::set<std::string> pasted;
  // Those whose items are not the rule files' alone.
  struct Touched {
    std::shared_ptr<const std::vector<std::string>> file_items;
    std::size_t appended = 0;  // of the items now, at their end, by hand
  };
  std::map<std::string, Touched> touched;
};

// Lays the changes of `state` over `policy`, whose lists are as rule files have
// them, and fills in `touched`.  What has no effect stays a change, as it would
// have one again after another reload, and is a line of what is returned: that
// of a list that is not there, or that only rule files change by now, and of an
// item that is none for what the list is compared with by now.
std::vector<std::string> lay_over(CompiledPolicy& policy, ListState& state);

// The policy under `before` as it is under `next`.
CompiledPolicy with_changes(const CompiledPolicy& current,
                            const ListState& before, ListState& next);

}  // namespace bailiff::sidecar
