// SPDX-License-Identifier: Apache-2.0
// rules/emit/answer.h
// Programs that learn from answers which addresses listed names have.
//
// They see packets at cgroup_skb ingress, before a process can read them: what
// comes from port 53, over UDP and TCP, or from 127.0.0.11.  An answer to what
// the container has asked (query.h) tells that its addresses (A and AAAA) are
// those of the name in the question, and of each that a CNAME leads to; of
// these, the listed ones are kept in the container's storage, with the time the
// answer gives them (struct bailiff_dns_table).  From then on the address has
// these names wherever a rule is judged.
//
// Nothing else is believed: to what was not asked, anybody may have sent an
// answer, so as to have a host refused.  A container that answers itself, or
// asks a resolver of its own, learns what it wants to; it can fill its own
// table and no other's.  So nothing is refused for want of a name
// (placement.cpp).
//
// Where a rule refuses, an answer is refused too, without a record,
//   - that has a listed name and was not asked for, as when so much was asked
//     that it was forgotten;
//   - that was asked for and cannot be read, unless it says itself that it is
//     cut off, and the client has to ask again over TCP;
//   - whose addresses cannot be kept, since there are so many, or since it does
//     not end in its segment of TCP and has a listed name;
//   - that comes in a datagram with others (UDP_GRO, udp(7)).
// Read are the first two messages of a segment, which begin with it, as those
// of resolvers do; HTTPS and SVCB records, in which addresses are hints, are
// not.
#pragma once

#include <vector>

#include "rules/emit/condition.h"
#include "rules/emit/dns_reader.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

// The whole main program.
void emit_answer(const Target& target, DnsReader& reader,
                 const std::vector<KernelRule>& rules);

}  // namespace bailiff::emit
