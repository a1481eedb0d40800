// SPDX-License-Identifier: Apache-2.0
// rules/lower/ip_socket.h
// IPv4 and IPv6 sockets as a program sees them when they are made
// (BPF_CGROUP_INET_SOCK_CREATE), whatever made them: socket(2) or io_uring.
//
// socket(2) is given flags with the type, SOCK_CLOEXEC and SOCK_NONBLOCK.  The
// kernel's socket has the type alone, so a rule about `evt.arg.type = 3` is
// about all raw sockets here.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/lower/fold.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff {

// What evt.arg.domain says of them.
enum class IpFamily : std::uint8_t { k4, k6 };

// What holds of every such socket(2) that succeeds.
Decide known_of_ip_socket(IpFamily family, const std::vector<List>& lists);

// The number of the socket that a check of evt.arg is about.
enum class SocketNumber : std::uint8_t { kType, kProtocol };
std::optional<SocketNumber> socket_number(const Check& check);

// Whether the program decides the check: of the type, the protocol, or who
// makes it.
bool decidable_at_socket(const Check& check);

}  // namespace bailiff
