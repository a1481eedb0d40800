// SPDX-License-Identifier: Apache-2.0
// hook/attach/lists.h
#pragma once

#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/kernel/kernel.h"
#include "rules/base/digest.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::hook {

// Makes every list that is already in the kernel (put there by some container's
// attach) hold the items of `policy`, by building new tables and swapping them
// in when all are complete: no moment without a list, none with half of one,
// and after an error every list is what it was.  What programs have let pass
// before is judged by the new ones from then on.  Lists nobody has asked for
// are left out, and so are those that were filled from this very policy.  Takes
// about 15 ms, and 250 ms for each million of items; meanwhile the kernel has
// both versions of what changes.
//
// Whoever changes lists writes them to STATE_DIR/policy.bin first and calls
// this second: a container that starts brings the lists to what that file says.
// `digest` is the policy's, policy_digest().
Status publish_lists(const std::string& bpf_dir, const CompiledPolicy& policy,
                     const Digest& digest, Kernel& kernel);
// The same under the lock of BPF_DIR, for a caller that has the policy's items
// only if it must: `whole_policy` is called when a list has to be filled.  Of
// `lists`, the names count.
Status publish_locked(const Pins& pins, const std::vector<List>& lists,
                      const Digest& digest, const WholePolicy& whole_policy,
                      Kernel& kernel);

}  // namespace bailiff::hook
