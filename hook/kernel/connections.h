// SPDX-License-Identifier: Apache-2.0
// hook/kernel/connections.h
// The connections of a network namespace, and their end (sock_diag(7)).
#pragma once

#include <linux/inet_diag.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// A TCP connection, the subflow of one of MPTCP, or a UDP socket with a peer.
struct Connection {
  std::uint64_t cgroup = 0;  // of its socket, by id; 0: the kernel tells none
  IpAddress peer;            // an IPv4-mapped one is IPv4
  std::uint16_t port = 0;    // the peer's
  std::uint16_t local_port = 0;
  // As the kernel names the socket; with a cookie, so that it is never another.
  std::uint8_t family = 0;
  std::uint8_t protocol = 0;
  std::uint8_t state = 0;  // TCP_ESTABLISHED, …
  inet_diag_sockid id{};
};

enum class Ended {
  kYes,
  kBefore,  // by itself
  // Somebody uses it just now, and can as long as they like; or too many others
  // wait for such.  A thread that nobody waits for ends it when they let go.
  kHeld,
};

// One thread at a time.  After a call that failed, to be made anew.
class Connections {
 public:
  // Those of the namespace `netns`, a descriptor that is borrowed for the life
  // of this object; -1: the caller's.
  static Result<Connections> open(int netns);

  // Those of IPPROTO_TCP or IPPROTO_UDP that are chosen.  Sockets that listen
  // and handshakes that a server has not finished are left out.
  Result<std::vector<Connection>> find(
      int protocol, const std::function<bool(const Connection&)>& chosen) const;

  // Its owner sees ECONNABORTED, what it has to send is dropped, and a reset
  // goes to the peer where the programs let it.  Waits for a moment at most.
  // kUnsupported on a kernel without INET_DIAG_DESTROY.
  Result<Ended> end(const Connection& connection);

 private:
  Connections(int netns, UniqueFd socket)
      : netns_(netns), socket_(std::move(socket)) {}

  int netns_;
  UniqueFd socket_;  // of that namespace, whoever uses it
};

}  // namespace bailiff::hook
