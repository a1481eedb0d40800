// SPDX-License-Identifier: Apache-2.0
// BPF_TCX_EGRESS: what is about to leave an interface of the container's
// network namespace.  Packets of IP sockets have been judged at the egress of
// their cgroup and pass at once.  What is left no cgroup hook sees: frames
// written by hand (AF_PACKET), and packets that are forwarded and so have no
// socket, such as those a process feeds to a tun device.
//
// A pod's containers have one network namespace: a frame of one is judged by
// the programs of all, so it may be refused by the policy of a neighbour.  Only
// hosts that somebody listed are refused at all.
//
// Whoever may load programs himself can put one before this; and an interface
// that is made later has none, but what leaves it leaves one of those that were
// there in the end.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/packet.h"
#include "rules/emit/report.h"

namespace bailiff::emit {
namespace {

constexpr PacketPlace kPlace = {.framed = true, .refuse = kDropFrame};
constexpr int kTypeOffset = 12;
constexpr int kTagBytes = 4;
// What a network device may be set up to put on, and take off again.
constexpr int kTags = 2;

void pass(Writer& code) {
  code.append(move(kR0, kNextProgram));
  code.exit();
}

void pass_ip_sockets(Writer& code) {
  const Label judge = code.new_label();
  const Label seen = code.new_label();
  code.append(load(Size::k64, kR1, kContext, offsetof(__sk_buff, sk)));
  code.jump(jump_if(Comparison::kEq, kR1, 0), judge);
  code.append(load(Size::k32, kR1, kR1, offsetof(bpf_sock, family)));
  code.jump(jump_if(Comparison::kEq, kR1, AF_INET), seen);
  code.jump(jump_if(Comparison::kNe, kR1, AF_INET6), judge);
  code.bind(seen);
  pass(code);
  code.bind(judge);
}

// Moves where the IP header begins by 0, without the verifier knowing: it would
// look at the rest of the program once for each place.
void forget_place(Writer& code) {
  load_packet_unknown(code, kR2);
  load_packet_unknown(code, kR3);
  code.append(alu(BPF_SUB, kR2, kR3));
  code.append(load(Size::k32, kR3, kFrame, kNetworkSlot));
  code.append(alu(BPF_ADD, kR3, kR2));
  code.append(store(Size::k32, kFrame, kNetworkSlot, kR3));
}

// Goes to `label` when the type of what follows, in r1, is a VLAN tag's.
void branch_tag(Writer& code, Label label) {
  for (const int type : {ETH_P_8021Q, ETH_P_8021AD}) {
    code.jump(
        jump_if(Comparison::kEq, kR1, htons(static_cast<std::uint16_t>(type))),
        label);
  }
}

// The type at the place in r2, into r1.
void read_type(Writer& code) {
  read_bytes(code, kPlace, 2);
  code.append(load(Size::k16, kR1, kFrame, kPacketSlot));
}

// Past the Ethernet header and the tags in it, to one of the labels by the type
// of what follows; what is not IP passes.
void read_ethernet(Writer& code, Label four, Label six) {
  const Label untagged = code.new_label();
  const Label too_many = code.new_label();
  code.append(store(Size::k32, kFrame, kNetworkSlot, ETH_HLEN));
  code.append(move(kR2, kTypeOffset));
  read_type(code);
  for (int i = 0; i < kTags; ++i) {
    const Label tag = code.new_label();
    branch_tag(code, tag);
    code.go(untagged);
    code.bind(tag);
    code.append(
        store(Size::k32, kFrame, kNetworkSlot, ETH_HLEN + kTagBytes * (i + 1)));
    code.append(move(kR2, kTypeOffset + kTagBytes * (i + 1)));
    read_type(code);
  }
  branch_tag(code, too_many);
  code.bind(untagged);
  forget_place(code);
  code.jump(jump_if(Comparison::kEq, kR1, htons(ETH_P_IP)), four);
  code.jump(jump_if(Comparison::kEq, kR1, htons(ETH_P_IPV6)), six);
  pass(code);
  code.bind(too_many);
  code.append(move(kR0, kDropFrame));
  code.exit();
}

// A device without a header of its own: by the version in the packet, as those
// who read from a tunnel do.
void read_version(Writer& code, Label four, Label six) {
  code.append(store(Size::k32, kFrame, kNetworkSlot, 0));
  code.append(move(kR2, 0));
  read_bytes(code, kPlace, 1);
  code.append(load(Size::k8, kR1, kFrame, kPacketSlot));
  code.append(alu(BPF_RSH, kR1, 4));
  code.jump(jump_if(Comparison::kEq, kR1, 4), four);
  code.jump(jump_if(Comparison::kEq, kR1, 6), six);
  pass(code);
}

template <void (*read_header)(Writer&, Label, Label)>
void load_address(Writer& code) {
  const Label four = code.new_label();
  const Label six = code.new_label();
  const Label done = code.new_label();
  read_header(code, four, six);
  code.bind(four);
  load_packet4(code, kPlace);
  code.go(done);
  code.bind(six);
  load_packet6(code, kPlace);
  code.bind(done);
}

void load_address4(Writer& code, Register dst) {
  code.load_compared(Size::k32, dst, kAddressSlot);
}

template <void (*read_header)(Writer&, Label, Label)>
void load_number(Writer& code, Number number, Register dst) {
  load_packet_number<load_address<read_header>>(code, kPlace, number, dst);
}

template <void (*read_header)(Writer&, Label, Label)>
const FlavourCode& code_of() {
  static constexpr FlavourCode flavour = {
      .family = std::nullopt,
      .load_address = load_address<read_header>,
      .load_address4 = load_address4,
      .load_comm = load_packet_comm,
      .load_number = load_number<read_header>,
      .load_unknown = load_packet_unknown,
      .finish = finish_and_report,
      .hook = BAILIFF_HOOK_FRAME,
      .begin = pass_ip_sockets,
      .pass = kNextProgram,
      .refuse = kDropFrame,
      .of_cgroup = false,
  };
  return flavour;
}

}  // namespace

const FlavourCode& frame_code() { return code_of<read_ethernet>(); }
const FlavourCode& bare_frame_code() { return code_of<read_version>(); }

}  // namespace bailiff::emit
