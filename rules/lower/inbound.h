// SPDX-License-Identifier: Apache-2.0
// rules/lower/inbound.h
// What is the same for the events of a server: what comes in for a socket of
// the container (an arrival), and bind(2).
//
// An arrival is what begins a connection: a packet of TCP with SYN and without
// ACK, at a socket that listens; and any datagram of UDP at a socket that is
// not connected.  Everything else that comes in belongs to a connection that
// the container made, or that was judged when it began: rules that allow some
// peers only must not cut it.
//
// A datagram does not show who began.  The local end is taken to be the
// server's when its port is none that Linux gives to sockets that ask for none;
// not so a peer that wants to look like a server, by the port it sends from.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/lower/fold.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff {

// What the container is in a connection.
enum class Role : std::uint8_t { kClient, kServer };

// Linux gives ports from here on (ip_local_port_range).
inline constexpr std::uint16_t kFirstClientPort = 32768;

// What `expr` means, without fields of the client, the server and either end:
// of the local and of the remote end alone.  `connected`: there is a remote
// end.
Expr by_ends(const Expr& expr, Role role, bool connected);

// The same of what the container sends, for fields of either end alone, and of
// the client where it connects.  The kernel picks the local address later, so
// that checks of it stay open; but not where that it is no address at all, or a
// loopback one, is asked: it is the former never, and the latter where the
// remote end is one as well.
Expr by_ends_outbound(const Expr& expr, bool connects);

// What holds of every event of the type (accept, accept4, recvfrom, …) that an
// arrival leads to, in which the container has that role.
Decide known_of_arrival(std::string_view type, Role role,
                        const std::vector<List>& lists);
// What holds of every bind(2) of an IPv4 or IPv6 socket that succeeds.
Decide known_of_bind(const std::vector<List>& lists);

// Whether the check, of fd.lport, comes out before a socket that has no port
// gets one: the same for all that Linux gives.  Its lists are written out.
bool settled_before_bound(const Check& check);

// Whether a program can decide the check of an arrival: by_ends().
bool decidable_of_arrival(const Check& check);
// The same of a bind(2), which has a process and no remote end.
bool decidable_at_bind(const Check& check);

// Whether the field is of the end that is not the container's, as far as
// outbound events and by_ends() go.
bool of_peer(FieldId id);
// Whether it is of the local end.
bool of_local_end(FieldId id);

}  // namespace bailiff
