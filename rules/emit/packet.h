// SPDX-License-Identifier: Apache-2.0
// rules/emit/packet.h
// What programs that see packets read of them.  From their bytes: what the
// kernel notes down beside a packet (skb->protocol) is for some senders to set.
//
// What cannot be read to the end is refused, without a record: no packet the
// kernel makes is like that, and a host that got one could make nothing of it.
// What another host would have to unwrap (a tunnel, MPLS, PPPoE) is judged as
// what it is on the outside.
#pragma once

#include <cstdint>
#include <optional>

#include "rules/emit/flavour.h"
#include "rules/emit/writer.h"

namespace bailiff::emit {

struct PacketPlace {
  // kNetworkSlot has where the IP header begins; otherwise it comes first.
  bool framed = false;
  std::int32_t refuse = 0;  // as in the flavour
  // Of what comes in: the address is that of the sender, and this has the one
  // it is for.
  std::optional<LocalEnd> local = std::nullopt;
};

// Leaves the packet's socket in r1, to `other` when that is none of IP.
// Clobbers r2.
void load_ip_socket(Writer& code, Label other);

// Leaves the packet's data in r2, to `other` when there are less than `size`
// bytes in one piece.  Clobbers r3 and r4.
void load_data(Writer& code, int size, Label other);

// Goes to `other` unless the packet, of which the IP header begins `header`
// bytes behind the data, is for the peer of its socket, which is in r1.  Leaves
// the data in r2.  Clobbers r3 and r4.
void branch_not_to_peer(Writer& code, int header, Label other);

// Copies `size` bytes, at most 40, from the place in r2, counted from where the
// context's data begins, to `slot`; what is not there is refused.
// Clobbers r0..r5.
void read_bytes(Writer& code, const PacketPlace& place, int size,
                int slot = kPacketSlot);

// Reads an IPv4 header, or an IPv6 one with those that extend it: fills
// kAddressSlot, kProtocolSlot and kTransportSlot and sets kFamily.
void load_packet4(Writer& code, const PacketPlace& place);
void load_packet6(Writer& code, const PacketPlace& place);

// Fills kPortSlot and kSourcePortSlot, once the header is read.  Zero where
// there are no ports: no rule is about that one.
void load_packet_ports(Writer& code, const PacketPlace& place);

// Once the header is read: goes to `asks` when the packet is what a client
// begins with, and to `other` when it may be an answer.  Of UDP that does not
// show, but from a port Linux gives to clients to one it does not
// (kFirstClientPort) is a question.  Clobbers r0..r5 and kPacketSlot.
void branch_asking(Writer& code, const PacketPlace& place, Label asks,
                   Label other);

void load_packet_comm(Writer& code);
void load_packet_unknown(Writer& code, Register dst);

// Into `dst`, all bits of it: 0 where `number` is 0, else 1.  Not by a jump,
// after which the verifier would look at the rest of the program once more.
void load_mask(Writer& code, Register dst, Register number);

// A flavour's load_number(), of a packet.
template <void (*load_address)(Writer&)>
void load_packet_number(Writer& code, const PacketPlace& place, Number number,
                        Register dst) {
  switch (number) {
    case Number::kPort:
    case Number::kLocalPort:
      if (code.begin_load(kLoadedAddress)) load_address(code);
      if (code.begin_load(kLoadedPort)) load_packet_ports(code, place);
      code.load_compared(Size::k16, dst,
                         number == Number::kPort ? kPortSlot : kSourcePortSlot);
      return;
    case Number::kL4proto:
      if (code.begin_load(kLoadedAddress)) load_address(code);
      code.load_compared(Size::k32, dst, kProtocolSlot);
      return;
    case Number::kBoundPort:  // of no record
    case Number::kPid:
    case Number::kTid:
    case Number::kUid:
    case Number::kGid:
      break;
  }
  code.append(move(dst, 0));
}

}  // namespace bailiff::emit
