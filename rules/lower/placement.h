// SPDX-License-Identifier: Apache-2.0
// rules/lower/placement.h
// Where one rule is decided.
#pragma once

#include <cstdint>
#include <optional>

#include "rules/lower/lower.h"
#include "rules/lower/task.h"

namespace bailiff {

// A datagram or a packet to an address reaches it as a connection would, so a
// rule about connections is about those too: where it tells destinations apart,
// and where it is refused.  Otherwise sendto(2) would be a way around it.  A
// rule that only counts connections (`evt.type = connect`) is not told of each
// datagram.
struct PlacedRule {
  Placement placement;
  // For the hooks of each kind; absent when nothing they judge can fulfil the
  // rule.
  std::optional<KernelRule> connect;
  std::optional<KernelRule> send;
  // Only of a rule that refuses peers by name, and that needs to know nothing
  // of the process: what a packet shows.  Judged twice: where an IP socket's
  // packet leaves its cgroup, and, of all that no such socket made (a frame
  // over AF_PACKET, a packet that is forwarded), where it leaves an interface
  // of the container's network namespace.
  std::optional<KernelRule> packet;
  // Of these, where it leaves an interface.  Peers have no names there: what a
  // container was told is kept with its cgroup.
  std::optional<KernelRule> frame;
  // Of a rule that holds for whoever reaches a host of some name: it does for
  // who asks for the name.
  std::optional<KernelRule> query;
  // The checks of names of a rule that is judged by them.
  std::optional<KernelRule> answer;
  // Only of a rule that refuses what comes in, and that needs to know no more
  // than a packet shows (inbound.h).
  std::optional<KernelRule> arrival;
  // Of a rule that refuses bind(2), and of which the kernel knows all; others
  // are observed.  A candidate where there is no room for its bits.
  std::optional<KernelRule> bind;
  // Of a rule that refuses IP sockets, and of which the kernel knows all when
  // one is made.  Beside `held`: it is there in containers whose seccomp filter
  // is without the rule, and for sockets that are not made by a call.
  std::optional<KernelRule> socket;
  // Of a rule about programs that are executed, as far as that can be decided
  // before the program runs.
  std::optional<KernelRule> exec;
  bool container_event = false;
  // bit_of() each call that is observed for the rule.
  std::uint64_t calls = 0;
  // Those of them that seccomp stands before, because the rule is refused.
  std::uint64_t held = 0;
};

// `refused`: a policy blocks what fulfils the rule; `killed`: one kills the
// process.  The bits it needs are added to `bits`; when they find no room, it
// is placed without any.  nullptr: there is room.
PlacedRule place(const CompiledPolicy& policy, std::uint32_t rule,
                 const Facts& facts, bool refused, bool killed = false,
                 TaskBits* bits = nullptr);

}  // namespace bailiff
