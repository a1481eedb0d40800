// SPDX-License-Identifier: Apache-2.0
// rules/emit/passed.h
// What the egress of a cgroup has let pass last on this processor.  A packet of
// a container's own socket is at the interface right after, and the program for
// frames has the same rules: what has not got another destination since needs
// no second look.  Where rules refuse all but some peers, the egress lets pass
// by the socket what it does not judge, and so does the other, by the same.
//
// Noted down is where the packet goes, and when; each word with the socket and
// the frames_id of who judged it mixed in.  So what another has written
// meanwhile, all of it or a part, is of no use: the program is interrupted by
// packets that the kernel sends, and threads take the processor from each
// other.
//
// It holds for a tick of the clock or two (bpf_jiffies64(), Linux 5.6), so that
// an update of lists reaches packets that have this destination only at the
// interface no later than those that are on their way.
#pragma once

#include <array>
#include <cstdint>

#include "rules/emit/flavour.h"
#include "rules/emit/writer.h"

namespace bailiff::emit {

// The value of MapKind::kPassed; zeros are about no packet.
struct Passed {
  std::uint64_t ticks = 0;
  std::array<std::uint64_t, 2> address{};  // the destination's
  std::uint64_t ports_and_protocol = 0;
};

// At the egress of a cgroup, of a packet that passes: notes it down when it is
// one of TCP or UDP without header options.
void note_passed(Writer& code, const FlavourCode& flavour);

// At an interface: passes what was noted down, and goes on behind for all else.
// `header`: the bytes before the IP header, those of Ethernet or none.
void pass_noted(Writer& code, const FlavourCode& flavour, int header);

}  // namespace bailiff::emit
