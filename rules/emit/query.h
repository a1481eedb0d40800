// SPDX-License-Identifier: Apache-2.0
// rules/emit/query.h
// Programs that judge packets by the names they ask a resolver for.
//
// How host names are enforced.  Nothing is ever resolved by us: what counts is
// what the container itself asks.
//   - A list of names is a map like a list of addresses is (list_table.h), of
//     128-bit hashes of names (rules/abi/dns.h), swapped whole like those.
//   - This program runs beside the one for packets, at cgroup_skb egress, and
//     reads the questions of what goes to port 53, over UDP and TCP, or to
//     127.0.0.11, where Docker's resolver has whatever port.  The socket, the
//     system call and the pieces it was written in do not matter: the packet is
//     read as it leaves.
//   - The bytes of a name are walked by a subprogram in C (dns_question.bpf.c),
//     whose instructions become part of the program.  To the verifier that is
//     20,000 instructions for each message there may be.
//   - The record has the first hash of the name that was found; the service
//     finds the name by it among those that are listed.
//
// Where a rule of the program refuses, what cannot be read is refused too,
// without a record: several questions in one message, which no resolver
// answers, a compressed name in a question, a datagram that the kernel is to
// cut into several, more than kQuestions messages in a segment of TCP, and a
// segment that does not hold whole messages.  The last keeps a name from
// hiding in two segments: the kernel sends what was refused again together with
// what was written next, and then it is read.  Two things are not seen: other
// ports, such as those of DNS over TLS or HTTPS, which are for a rule about
// addresses or ports to refuse; and streams of TCP that a process with
// CAP_NET_RAW makes by itself, of segments that overlap.
#pragma once

#include <cstddef>
#include <vector>

#include "rules/emit/writer.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

// Messages of one packet: over TCP, resolvers ask for the addresses of both
// families at once.
inline constexpr std::size_t kQuestions = 2;
// Two hashes each, from the first on; zero where there is no question.
inline constexpr int kQuestionsSlot = kAnswersSlot;

// Fills kQuestionsSlot; of packets that ask nothing, lets pass or refuses the
// packet.  Calls the subprogram at the label returned.
Label read_questions(Writer& code, const std::vector<KernelRule>& rules);
// Behind everything else.
void append_question_subprogram(Writer& code, Label subprogram);

}  // namespace bailiff::emit
