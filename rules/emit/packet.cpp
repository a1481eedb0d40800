// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/packet.h"

#include <linux/bpf.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/emit/reached_host.h"
#include "rules/lower/inbound.h"

namespace bailiff::emit {
namespace {

constexpr int kHeader4 = 20;
constexpr int kHeader6 = 40;
// RFC 8200, section 4.1: each once, destination options twice.
constexpr int kExtensionHeaders = 5;
// IPv4's fragment offset, and that of IPv6's fragment header.
constexpr std::int32_t kFragmentOffset4 = 0x1fff;
constexpr std::int32_t kFragmentOffset6 = 0xfff8;

// Copies `size` bytes from the place in r2, counted from the IP header, to
// `slot`.
void read_packet(Writer& code, const PacketPlace& place, int size,
                 int slot = kPacketSlot) {
  if (place.framed) {
    code.append(load(Size::k32, kR1, kFrame, kNetworkSlot));
    code.append(alu(BPF_ADD, kR2, kR1));
  }
  read_bytes(code, place, size, slot);
}

// Copies the first `size` bytes of the IP header to kPacketSlot.  Where the
// data begins with it, without a call: that costs as much as all else that is
// done with the header.
void read_header(Writer& code, const PacketPlace& place, int size) {
  if (place.framed) {
    code.append(move(kR2, 0));
    read_packet(code, place, size);
    return;
  }
  const Label elsewhere = code.new_label();
  const Label read = code.new_label();
  code.append(load(Size::k32, kR2, kContext, offsetof(__sk_buff, data)));
  code.append(load(Size::k32, kR3, kContext, offsetof(__sk_buff, data_end)));
  code.append(move(kR1, kR2));
  code.append(alu(BPF_ADD, kR1, size));
  code.jump(jump_if(Comparison::kGt, kR1, kR3), elsewhere);
  for (int i = 0; i < size; i += 4) {
    code.append(load(Size::k32, kR1, kR2, i));
    code.append(store(Size::k32, kFrame, kPacketSlot + i, kR1));
  }
  code.go(read);
  // Not in one piece with the rest of the kernel's own head of the packet.
  code.bind(elsewhere);
  code.append(move(kR2, 0));
  read_bytes(code, place, size);
  code.bind(read);
}

// Goes to `label` when the protocol, in r1, is one of extension headers of
// which the second byte tells the length.
void branch_options(Writer& code, Label label) {
  for (const int header : {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS}) {
    code.jump(jump_if(Comparison::kEq, kR1, header), label);
  }
}

// Steps over one extension header; to `end` when there is none.
void step_extension(Writer& code, const PacketPlace& place, Label end) {
  const Label options = code.new_label();
  const Label next = code.new_label();
  const Label first = code.new_label();
  code.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
  branch_options(code, options);
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_FRAGMENT), end);

  code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
  read_packet(code, place, 4);
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot));
  code.append(store(Size::k32, kFrame, kProtocolSlot, kR1));
  code.append(load(Size::k16, kR1, kFrame, kPacketSlot + 2));
  code.append(from_network_order(kR1, 16));
  code.append(alu(BPF_AND, kR1, kFragmentOffset6));
  code.jump(jump_if(Comparison::kEq, kR1, 0), first);
  code.append(store(Size::k32, kFrame, kTransportSlot, 0));
  code.go(end);
  code.bind(first);
  code.append(move(kR1, 8));
  code.go(next);

  code.bind(options);
  code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
  read_packet(code, place, 2);
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot));
  code.append(store(Size::k32, kFrame, kProtocolSlot, kR1));
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot + 1));
  code.append(alu(BPF_ADD, kR1, 1));
  code.append(alu(BPF_LSH, kR1, 3));
  code.bind(next);
  code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
  code.append(alu(BPF_ADD, kR1, kR2));
  code.append(store(Size::k32, kFrame, kTransportSlot, kR1));
}

// To `other` when the `words` at `offset` are not those of the socket.
void compare_peer(Writer& code, int offset, std::size_t peer, int words,
                  Label other) {
  for (int i = 0; i < 4 * words; i += 4) {
    code.append(load(Size::k32, kR3, kR2, offset + i));
    code.append(load(Size::k32, kR4, kR1, static_cast<int>(peer) + i));
    code.jump(jump_if(Comparison::kNe, kR3, kR4), other);
  }
}

}  // namespace

void load_ip_socket(Writer& code, Label other) {
  const Label found = code.new_label();
  code.append(load(Size::k64, kR1, kContext, offsetof(__sk_buff, sk)));
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  code.append(load(Size::k32, kR2, kR1, offsetof(bpf_sock, family)));
  code.jump(jump_if(Comparison::kEq, kR2, AF_INET), found);
  code.jump(jump_if(Comparison::kNe, kR2, AF_INET6), other);
  code.bind(found);
}

void load_data(Writer& code, int size, Label other) {
  code.append(load(Size::k32, kR2, kContext, offsetof(__sk_buff, data)));
  code.append(load(Size::k32, kR3, kContext, offsetof(__sk_buff, data_end)));
  code.append(move(kR4, kR2));
  code.append(alu(BPF_ADD, kR4, size));
  code.jump(jump_if(Comparison::kGt, kR4, kR3), other);
}

void branch_not_to_peer(Writer& code, int header, Label other) {
  const Label six = code.new_label();
  const Label done = code.new_label();
  load_data(code, header + kHeader4, other);
  code.append(load(Size::k8, kR3, kR2, header));
  code.append(alu(BPF_RSH, kR3, 4));
  code.jump(jump_if(Comparison::kEq, kR3, 6), six);
  code.jump(jump_if(Comparison::kNe, kR3, 4), other);
  compare_peer(code, header + 16, offsetof(bpf_sock, dst_ip4), 1, other);
  code.go(done);
  code.bind(six);
  load_data(code, header + kHeader6, other);
  compare_peer(code, header + 24, offsetof(bpf_sock, dst_ip6), 4, other);
  code.bind(done);
}

void read_bytes(Writer& code, const PacketPlace& place, int size, int slot) {
  const Label read = code.new_label();
  code.append(move(kR1, kContext));
  code.frame_address(kR3, slot);
  code.append(move(kR4, size));
  code.append(call(BPF_FUNC_skb_load_bytes));
  code.jump(jump_if(Comparison::kEq, kR0, 0), read);
  code.append(move(kR0, place.refuse));
  code.exit();
  code.bind(read);
}

void load_packet4(Writer& code, const PacketPlace& place) {
  const Label first = code.new_label();
  read_header(code, place, kHeader4);
  const auto file = [&](int offset, int slot) {
    code.append(load(Size::k32, kR1, kFrame, kPacketSlot + offset));
    code.append(store(Size::k32, kFrame, slot, kR1));
    code.append(store(Size::k32, kFrame, slot + 4, 0));
    code.append(store(Size::k64, kFrame, slot + 8, 0));
  };
  file(place.local ? 12 : 16, kAddressSlot);
  code.append(move(kFamily, 4));
  if (place.local) {
    file(16, place.local->slot);
    code.append(store(Size::k32, kFrame, place.local->family_slot, 4));
  }
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot + 9));
  code.append(store(Size::k32, kFrame, kProtocolSlot, kR1));
  // The length of the header, in words.
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot));
  code.append(alu(BPF_AND, kR1, 0xf));
  code.append(alu(BPF_LSH, kR1, 2));
  // Ports are in the first fragment only.
  code.append(load(Size::k16, kR2, kFrame, kPacketSlot + 6));
  code.append(from_network_order(kR2, 16));
  code.append(alu(BPF_AND, kR2, kFragmentOffset4));
  code.jump(jump_if(Comparison::kEq, kR2, 0), first);
  code.append(move(kR1, 0));
  code.bind(first);
  code.append(store(Size::k32, kFrame, kTransportSlot, kR1));
}

void load_packet6(Writer& code, const PacketPlace& place) {
  const Label end = code.new_label();
  const Label too_many = code.new_label();
  read_header(code, place, kHeader6);
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot + 6));
  code.append(store(Size::k32, kFrame, kProtocolSlot, kR1));
  code.append(store(Size::k32, kFrame, kTransportSlot, kHeader6));
  const auto file = [&](int offset) {
    code.append(load(Size::k64, kR1, kFrame, kPacketSlot + offset));
    code.append(load(Size::k32, kR2, kFrame, kPacketSlot + offset + 8));
    code.append(load(Size::k32, kR3, kFrame, kPacketSlot + offset + 12));
    file_address6(code);
  };
  file(24);
  if (place.local) {
    for (int i = 0; i < 16; i += 8) {
      code.append(load(Size::k64, kR1, kFrame, kAddressSlot + i));
      code.append(store(Size::k64, kFrame, place.local->slot + i, kR1));
    }
    code.append(store(Size::k32, kFrame, place.local->family_slot, kFamily));
    file(8);
  }
  for (int i = 0; i < kExtensionHeaders; ++i) step_extension(code, place, end);
  code.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
  branch_options(code, too_many);
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_FRAGMENT), end);
  code.bind(too_many);
  code.append(move(kR0, place.refuse));
  code.exit();
  code.bind(end);
}

void load_packet_ports(Writer& code, const PacketPlace& place) {
  const Label ports = code.new_label();
  const Label done = code.new_label();
  code.append(store(Size::k32, kFrame, kPortSlot, 0));
  code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
  code.jump(jump_if(Comparison::kEq, kR2, 0), done);
  code.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
  for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP,
                             IPPROTO_UDPLITE, IPPROTO_DCCP}) {
    code.jump(jump_if(Comparison::kEq, kR1, protocol), ports);
  }
  code.go(done);
  code.bind(ports);
  // There may be a record at kPacketSlot by now.
  read_packet(code, place, 4, kPortSlot);
  code.append(load(Size::k16, kR1, kFrame, kPortSlot));
  code.append(from_network_order(kR1, 16));
  code.append(load(Size::k16, kR2, kFrame, kPortSlot + 2));
  code.append(from_network_order(kR2, 16));
  code.append(store(Size::k16, kFrame, kPortSlot, kR2));
  code.append(store(Size::k16, kFrame, kSourcePortSlot, kR1));
  code.bind(done);
}

void branch_asking(Writer& code, const PacketPlace& place, Label asks,
                   Label other) {
  // The byte behind the transport header's first `offset`, of those in `mask`.
  struct Question {
    int protocol;
    int offset;
    int mask;
    int value;
  };
  constexpr int kSynAndAck = 0x12;
  constexpr int kSyn = 0x02;
  constexpr Question kQuestions[] = {
      {IPPROTO_TCP, 13, kSynAndAck, kSyn},
      {IPPROTO_SCTP, 12, 0xff, 1},      // RFC 9260, section 3.2: INIT
      {IPPROTO_ICMP, 0, 0xff, 8},       // RFC 792: echo
      {IPPROTO_ICMPV6, 0, 0xff, 128}};  // RFC 4443, section 4.1: echo request
  code.load_compared(Size::k32, kR1, kTransportSlot);
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  for (const Question& question : kQuestions) {
    const Label next = code.new_label();
    code.load_compared(Size::k32, kR1, kProtocolSlot);
    code.jump(jump_if(Comparison::kNe, kR1, question.protocol), next);
    code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
    code.append(alu(BPF_ADD, kR2, question.offset));
    read_packet(code, place, 1);
    code.append(load(Size::k8, kR1, kFrame, kPacketSlot));
    code.append(alu(BPF_AND, kR1, question.mask));
    code.jump(jump_if(Comparison::kEq, kR1, question.value), asks);
    code.go(other);
    code.bind(next);
  }
  const Label ports = code.new_label();
  code.load_compared(Size::k32, kR1, kProtocolSlot);
  code.jump(jump_if(Comparison::kEq, kR1, IPPROTO_UDP), ports);
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_UDPLITE), other);
  code.bind(ports);
  code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
  read_packet(code, place, 4);
  const auto load_port = [&code](int offset) {
    code.append(load(Size::k16, kR1, kFrame, kPacketSlot + offset));
    code.append(from_network_order(kR1, 16));
  };
  load_port(0);
  code.jump(jump_if(Comparison::kLt, kR1, kFirstClientPort), other);
  load_port(2);
  code.jump(jump_if(Comparison::kLt, kR1, kFirstClientPort), asks);
  code.go(other);
}

// Nobody's: the processor may be working for somebody else.
void load_packet_comm(Writer& code) {
  code.append(store(Size::k64, kFrame, kCommSlot, 0));
  code.append(store(Size::k64, kFrame, kCommSlot + 8, 0));
}

void load_packet_unknown(Writer& code, Register dst) {
  code.append(load(Size::k32, dst, kContext, offsetof(__sk_buff, len)));
}

void load_mask(Writer& code, Register dst, Register number) {
  code.append(move(dst, number));
  code.append(negate(dst));
  code.append(alu(BPF_OR, dst, number));
  code.append(alu(BPF_ARSH, dst, 63));
}

}  // namespace bailiff::emit
