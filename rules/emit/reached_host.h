// SPDX-License-Identifier: Apache-2.0
// rules/emit/reached_host.h
// From the address a packet or a socket names to the host it reaches: several
// names of one host must not be as many ways around a rule about it.
#pragma once

#include "rules/emit/writer.h"

namespace bailiff::emit {

// The IPv4 address in `address`, as it lies in memory, zero-extended: 0.0.0.0
// becomes 127.0.0.1, as in connect(2) and sendto(2).  Clobbers `scratch`.
void name_loopback4(Writer& code, Register address, Register scratch);

// Files the IPv6 address whose bytes are in r1 (8), r2 and r3 (4 each), as they
// lie in memory, into kAddressSlot and sets kFamily.  An IPv4-mapped address,
// and one of NAT64's well-known prefix (64:ff9b::/96, RFC 6052), reaches an
// IPv4 host and is filed as that; `::` is ::1, unless it is a socket's own and
// stands for all there are (`reached` is false).  Clobbers r1..r5.
void file_address6(Writer& code, bool reached = true);

}  // namespace bailiff::emit
