// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET_INGRESS: an IPv4 or IPv6 packet that a socket of the
// container is about to get, whoever sent it.  The kernel asks when the socket
// is found; the data begins with the IP header, and fragments are together.
//
// What is judged is what begins a connection (rules/lower/inbound.h), which the
// state of the socket tells:
//   - of TCP, SYN without ACK at a socket that listens.  It is dropped before
//     there is a connection, so that the server has nothing to accept, and who
//     asked is not answered.
//   - of UDP, a datagram at a socket that is not connected.
// All else passes at once: answers to what the container asked, connections
// that were let in, ICMP, and what a raw socket gets a copy of, but for
// datagrams.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/packet.h"
#include "rules/emit/report.h"

namespace bailiff::emit {
namespace {

constexpr LocalEnd kLocal = {.slot = kLocalSlot,
                             .family_slot = kLocalFamilySlot};
constexpr PacketPlace kPlace = {.local = kLocal};
// A socket of UDP is closed until it is connected, and of any other kind
// always.
constexpr int kUnconnected = BPF_TCP_CLOSE;
// Of TCP's header, the byte with the flags, and those.
constexpr int kFlagsOffset = 13;
constexpr int kSyn = 0x02;
constexpr int kRst = 0x04;
constexpr int kAck = 0x10;

void load_address(Writer& code) {
  const Label six = code.new_label();
  const Label done = code.new_label();
  code.append(load(Size::k32, kR1, kContext, offsetof(__sk_buff, protocol)));
  code.jump(jump_if(Comparison::kEq, kR1, htons(ETH_P_IPV6)), six);
  load_packet4(code, kPlace);
  code.go(done);
  code.bind(six);
  load_packet6(code, kPlace);
  code.bind(done);
  // Plus 0, of which the verifier knows nothing: it would look at the rest once
  // for each pair of families.
  load_packet_unknown(code, kR1);
  load_packet_unknown(code, kR2);
  code.append(alu(BPF_SUB, kR1, kR2));
  code.append(load(Size::k32, kR2, kFrame, kLocalFamilySlot));
  code.append(alu(BPF_ADD, kR2, kR1));
  code.append(store(Size::k32, kFrame, kLocalFamilySlot, kR2));
}

void load_address4(Writer& code, Register dst) {
  code.load_compared(Size::k32, dst, kAddressSlot);
}

// Both, as they lie in the packet.
void load_ports(Writer& code) {
  code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
  read_bytes(code, kPlace, 4, kPortSlot);
}

void load_number(Writer& code, Number number, Register dst) {
  switch (number) {
    case Number::kPort:
    case Number::kLocalPort: {
      const int offset = number == Number::kPort ? 0 : 2;
      code.append(load(Size::k16, dst, kFrame, kPortSlot + offset));
      code.append(from_network_order(dst, 16));
      return;
    }
    case Number::kL4proto:
      code.load_compared(Size::k32, dst, kProtocolSlot);
      return;
    case Number::kBoundPort:
    case Number::kPid:
    case Number::kTid:
    case Number::kUid:
    case Number::kGid:
      break;
  }
  code.append(move(dst, 0));
}

// The state of the socket into r1; to `pass` without one.
void load_state(Writer& code, Label pass) {
  code.append(load(Size::k64, kR1, kContext, offsetof(__sk_buff, sk)));
  code.jump(jump_if(Comparison::kEq, kR1, 0), pass);
  code.append(load(Size::k32, kR1, kR1, offsetof(bpf_sock, state)));
}

// Goes on behind with what begins a connection, its address and ports loaded.
void pass_all_else(Writer& code, const FlavourCode& /*flavour*/) {
  const Label pass = code.new_label();
  const Label read = code.new_label();
  const Label segment = code.new_label();
  const Label judge = code.new_label();
  load_state(code, pass);
  code.jump(jump_if(Comparison::kEq, kR1, BPF_TCP_LISTEN), read);
  code.jump(jump_if(Comparison::kNe, kR1, kUnconnected), pass);
  code.bind(read);
  if (code.begin_load(kLoadedAddress)) load_address(code);
  // What has none is part of a datagram that is not for a socket of UDP.
  code.append(load(Size::k32, kR1, kFrame, kTransportSlot));
  code.jump(jump_if(Comparison::kEq, kR1, 0), pass);
  code.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
  code.jump(jump_if(Comparison::kEq, kR1, IPPROTO_TCP), segment);
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_UDP), pass);
  load_ports(code);
  code.go(judge);
  code.bind(segment);
  load_state(code, pass);
  code.jump(jump_if(Comparison::kNe, kR1, BPF_TCP_LISTEN), pass);
  code.append(load(Size::k32, kR2, kFrame, kTransportSlot));
  code.append(alu(BPF_ADD, kR2, kFlagsOffset));
  read_bytes(code, kPlace, 1);
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot));
  code.append(alu(BPF_AND, kR1, kSyn | kRst | kAck));
  code.jump(jump_if(Comparison::kNe, kR1, kSyn), pass);
  load_ports(code);
  code.go(judge);
  code.bind(pass);
  code.append(move(kR0, 1));
  code.exit();
  code.bind(judge);
}

// A packet is nobody's yet, and the place is taken: report.cpp.
void load_no_comm(Writer& /*code*/) {}

}  // namespace

const FlavourCode& ingress_code() {
  static constexpr FlavourCode kFlavour = {
      .family = std::nullopt,
      .load_address = load_address,
      .load_address4 = load_address4,
      .load_comm = load_no_comm,
      .load_number = load_number,
      .load_unknown = load_packet_unknown,
      .finish = finish_and_report,
      .hook = BAILIFF_HOOK_INGRESS,
      .local = kLocal,
      .begin = pass_all_else,
  };
  return kFlavour;
}

}  // namespace bailiff::emit
