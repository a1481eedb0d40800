// SPDX-License-Identifier: Apache-2.0
// hook/attach/refused_connections.h
// Ends TCP connections of containers that are older than what refuses them.
// Programs drop their packets; but what they have to send would leave once the
// programs are gone with the container, and what comes in they let pass.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// Whose sockets are looked at: those of the cgroup and of all below it, in the
// network namespaces of its processes and in this one.  At most
// kMaxNamespaces: what is in others stays refused.
inline constexpr std::size_t kMaxNamespaces = 64;
struct ContainerSockets {
  std::uint64_t cgroup_id = 0;
  // Shared with whoever asks, as its processes may be gone by then; may be
  // nullptr.
  std::shared_ptr<const UniqueFd> netns;
};

// Whether the container may not have a connection with that peer.
using Refused =
    std::function<bool(std::uint64_t cgroup_id, const IpAddress& peer,
                       std::uint16_t port, std::uint16_t local_port)>;

struct CutConnection {
  std::uint64_t cgroup_id = 0;  // of the container
  IpAddress peer;
  std::uint16_t port = 0;
};

struct CutConnections {
  std::vector<CutConnection> cut;
  bool held = false;  // some are Ended::kHeld
  // The first that was in the way; others were cut all the same.  As of
  // Connections.
  Status failure = Ok{};
};

// Asks `refused` of each connection whose peer has answered, on the caller's
// thread.  Takes some milliseconds, longer for many processes and connections,
// and where some are being used. Containers that are gone have none but those
// in `netns`.
CutConnections cut_refused(const std::vector<ContainerSockets>& containers,
                           const Refused& refused);

}  // namespace bailiff::hook
