// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/refused_connections.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/types.h>

#include <algorithm>
#include <map>
#include <utility>

#include "hook/kernel/connections.h"
#include "hook/kernel/network_namespace.h"
#include "oci/sys/cgroup.h"

namespace bailiff::hook {
namespace {

using Namespaces = std::map<NamespaceId, std::shared_ptr<const UniqueFd>>;

void add(std::shared_ptr<const UniqueFd> netns, Namespaces& namespaces) {
  const Result<NamespaceId> id = network_namespace_id(*netns);
  if (id) namespaces.emplace(*id, std::move(netns));
}

void add_those_of(const Cgroup& cgroup, Namespaces& namespaces) {
  const Result<std::vector<pid_t>> processes = cgroup.processes();
  if (!processes) return;  // it is going
  Namespaces own;
  for (const pid_t pid : *processes) {
    Result<UniqueFd> netns = network_namespace_of(pid);
    if (!netns) continue;  // it has ended
    add(std::make_shared<const UniqueFd>(*std::move(netns)), own);
    if (own.size() == kMaxNamespaces) break;
  }
  namespaces.merge(own);
}

Status cut_in(int netns,
              const std::map<std::uint64_t, std::vector<std::uint64_t>>& owners,
              const Refused& refused, CutConnections& result) {
  ASSIGN_OR_RETURN(Connections connections, Connections::open(netns));
  std::vector<std::uint64_t> by;  // of each that is found
  // The subflows of MPTCP are sockets of TCP.
  ASSIGN_OR_RETURN(
      const std::vector<Connection> found,
      connections.find(IPPROTO_TCP, [&](const Connection& one) {
        // Who has not been answered has nothing that would be sent later.
        if (one.state == TCP_SYN_SENT) return false;
        const auto those = owners.find(one.cgroup);
        if (those == owners.end()) return false;
        const auto refuses = std::find_if(
            those->second.begin(), those->second.end(), [&](std::uint64_t id) {
              return refused(id, one.peer, one.port, one.local_port);
            });
        if (refuses == those->second.end()) return false;
        by.push_back(*refuses);
        return true;
      }));
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSIGN_OR_RETURN(const Ended ended, connections.end(found[i]));
    if (ended == Ended::kHeld) result.held = true;
    if (ended == Ended::kYes) {
      result.cut.push_back({by[i], found[i].peer, found[i].port});
    }
  }
  return Ok{};
}

}  // namespace

CutConnections cut_refused(const std::vector<ContainerSockets>& containers,
                           const Refused& refused) {
  CutConnections result;
  const Result<CgroupMount> mount = CgroupMount::find();
  if (!mount) return {.failure = mount.error()};
  Namespaces namespaces;
  // By cgroup, whose: a container may lie in another one's.
  std::map<std::uint64_t, std::vector<std::uint64_t>> owners;
  for (const ContainerSockets& each : containers) {
    if (each.netns) add(each.netns, namespaces);
    const Result<Cgroup> cgroup = Cgroup::open_by_id(*mount, each.cgroup_id);
    if (!cgroup) {
      owners[each.cgroup_id].push_back(each.cgroup_id);
      continue;
    }
    add_those_of(*cgroup, namespaces);
    for (const std::uint64_t id : cgroup->ids()) {
      owners[id].push_back(each.cgroup_id);
    }
  }
  for (const auto& [id, netns] : namespaces) {
    const Status done = cut_in(netns->get(), owners, refused, result);
    if (!done && result.failure) result.failure = done;
  }
  return result;
}

}  // namespace bailiff::hook
