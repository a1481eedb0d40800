// SPDX-License-Identifier: Apache-2.0
// rules/emit/passed.h
// What a container's programs have let pass last on this processor.  A packet
// is judged by the same rules more than once: by whom sendto(2) names, at the
// egress of the cgroup, and at the interface right after.  So what has been let
// pass is noted down, and what goes to the same destination needs no second
// look.  Where rules refuse all but some peers, the egress lets pass by the
// socket what it does not judge, and so does the interface, by the same.
//
// Each word of a note has the socket and the frames_id of who judged mixed in.
// So what another has written meanwhile, all of it or a part, is of no use: the
// program is interrupted by packets that the kernel sends, and threads take the
// processor from each other.
//
// A note holds for a tick of the clock or two (bpf_jiffies64(), Linux 5.6), and
// whoever changes lists removes all of them (hook/attach/lists.cpp), but for
// what is just being written.  None is made where names are asked for, which
// the kernel may learn any time.
#pragma once

#include <array>
#include <cstdint>

#include "rules/emit/flavour.h"
#include "rules/emit/program.h"
#include "rules/emit/writer.h"

namespace bailiff::emit {

// Zeros are about no packet.
struct PassedNote {
  std::uint64_t ticks = 0;
  std::array<std::uint64_t, 2> address{};  // the destination's
  std::uint64_t port_and_protocol = 0;     // its port, and << 16 the protocol
};

// The value of MapKind::kPassed: a note's place is the socket's cookie modulo
// their number.
inline constexpr int kPassedNotes = 64;
using Passed = std::array<PassedNote, kPassedNotes>;

// Whether programs of the flavour have notes.
bool has_notes(Flavour flavour);

// Of a packet that leaves its cgroup, and of a datagram's name: notes it down.
// Only whole packets of TCP and UDP without header options are.
void note_packet(Writer& code, const FlavourCode& flavour);
void note_name4(Writer& code, const FlavourCode& flavour);
void note_name6(Writer& code, const FlavourCode& flavour);

// Passes a packet that is noted down, and goes on behind for all else.
// `header`: the bytes before the IP header, those of Ethernet or none.
void pass_noted(Writer& code, const FlavourCode& flavour, int header);

}  // namespace bailiff::emit
