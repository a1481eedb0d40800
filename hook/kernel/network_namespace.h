// SPDX-License-Identifier: Apache-2.0
// hook/kernel/network_namespace.h
// What has to be done from inside another network namespace.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "hook/kernel/kernel.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::hook {

// Which one, as long as it exists.
using NamespaceId = std::pair<dev_t, ino_t>;
Result<NamespaceId> network_namespace_id(const UniqueFd& netns);
// That of the process; an error, most times kNotFound, when the process is
// gone.  It lives at least as long as the descriptor.
Result<UniqueFd> network_namespace_of(pid_t pid);

// Whether that is the caller's.
Result<bool> is_own_network_namespace(const UniqueFd& netns);

// The one with this inode, when a thread of the process is in it.
std::optional<UniqueFd> network_namespace_in(pid_t pid, ino_t inode);

// A new one, which ends with its last descriptor; it has a loopback interface.
Result<UniqueFd> make_network_namespace();

// Runs `work` in the namespace, on a thread of its own: whatever happens, the
// caller stays where it is.  Waits for it.
Status in_network_namespace(int netns, const std::function<Status()>& work);

// The interfaces of the caller's namespace, but for loopbacks.  One that goes
// meanwhile is left out.
Result<std::vector<Interface>> interfaces_here();

}  // namespace bailiff::hook
