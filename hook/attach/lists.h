// SPDX-License-Identifier: Apache-2.0
// hook/attach/lists.h
#pragma once

#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/kernel/kernel.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::hook {

// Makes every list that is already in the kernel (pinned by some container's
// attach) hold the items of `policy`, each by building a new inner map and
// swapping it in: no moment without a list, none with half of one.  Lists
// nobody has pinned are left out, and so are those that were filled from this
// very policy.  All or nothing per list; the first error stops.  Takes about
// 10 ms for each list that changes, and 150 ms for each million of its items.
//
// Whoever changes lists writes them to STATE_DIR/policy.bin first and calls
// this second: a container that starts brings the lists to what that file says.
Status publish_lists(const std::string& bpf_dir, const CompiledPolicy& policy,
                     Kernel& kernel);
// The same for a caller that has the policy's digest, and its items only if it
// must: `whole_policy` is called when a list has to be filled.  Of `lists`, the
// names count.
Status publish_lists(const std::string& bpf_dir, const std::vector<List>& lists,
                     const Digest& digest, const WholePolicy& whole_policy,
                     Kernel& kernel);

}  // namespace bailiff::hook
