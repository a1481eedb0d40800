// SPDX-License-Identifier: Apache-2.0
// rules/emit/query.h
// Programs that judge packets by the names they ask a resolver for.
//
// How host names are enforced.  Nothing is ever resolved by us: what counts is
// what the container itself asks, and what it is told.
//   - A list of names is a map like a list of addresses is (list_table.h), of
//     128-bit hashes of names (rules/abi/dns.h), swapped whole like those.
//   - This program runs beside the one for packets, at cgroup_skb egress, and
//     reads the questions of what goes to port 53, over UDP and TCP, or to
//     127.0.0.11, where Docker's resolver has whatever port.  The socket, the
//     system call and the pieces it was written in do not matter: the packet is
//     read as it leaves.
//   - It notes the question down, so that the answer is known (answer.h), and
//     judges it by the rules that hold for whoever reaches a host of the name.
//   - A second program does the last at the interfaces of the container, for
//   what
//     no socket of its own sends (frame.cpp).
//   - The record has the first hash of the name that was found; the service
//     finds the name by it among those that are listed.
//
// Where a rule of the program refuses, what cannot be read is refused too,
// without a record: several questions in one message, which no resolver
// answers, a compressed name in a question, a datagram that the kernel is to
// cut into several, more than two messages in a segment of TCP, urgent data,
// and a segment that does not hold whole messages.  The last keeps a name from
// hiding in two segments: the kernel sends what was refused again together with
// what was written next, and then it is read.  Two things are not seen: other
// ports, such as those of DNS over TLS or HTTPS, which are for a rule about
// addresses or ports to refuse; and streams of TCP that a process with
// CAP_NET_RAW makes by itself, of segments that overlap.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/emit/condition.h"
#include "rules/emit/dns_reader.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

inline constexpr int kDnsPort = 53;
inline constexpr std::uint32_t kDockerResolver = 0x7f00000b;  // 127.0.0.11

// Fills kNamesSlot; of packets that ask nothing, lets pass or refuses the
// packet.
void read_questions(const Target& target, DnsReader& reader,
                    const std::vector<KernelRule>& rules);

}  // namespace bailiff::emit
