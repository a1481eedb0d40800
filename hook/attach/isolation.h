// SPDX-License-Identifier: Apache-2.0
// hook/attach/isolation.h
// Takes a running container off the network (hook/bpf/isolate.bpf.c), and puts
// it back.
//
// Pins, below BPF_DIR:
//   links/ID/isolate-egress, …   beside those of the container's own programs,
//                                and removed with them by detach()
// Programs and the map of what is allowed are the isolation's own and live as
// long as its links.  All below is done under the lock of BPF_DIR (attach.h),
// but for ending connections.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hook/kernel/kernel.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/isolate.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// Peers that can be allowed.
inline constexpr std::size_t kMaxAllowedPeers = BAILIFF_MAX_ALLOWED_PEERS;

// Refuses every packet of the cgroup to and from all but `allowed`, and ends
// the connections it has, in up to kMaxNamespaces of its networks; those that
// cannot be ended are dead, since nothing passes.  All or nothing.  A container
// that is isolated stays as it is; what a process left half done is done again.
Status isolate(const std::string& bpf_dir, const std::string& container_id,
               const Cgroup& cgroup, std::span<const IpNetwork> allowed,
               Kernel& kernel);

// Whether the link of that name, one of a container's, is of its isolation.
// Pure.
bool isolates(std::string_view link);

// One that is not isolated is success.
Status release(const std::string& bpf_dir, const std::string& container_id,
               Kernel& kernel);

}  // namespace bailiff::hook
