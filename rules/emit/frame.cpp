// SPDX-License-Identifier: Apache-2.0
// BPF_TCX_EGRESS: what is about to leave an interface of the container's
// network namespace.  Packets of IP sockets have been judged at the egress of
// their cgroup, and pass at once when they go to the peer of theirs.  What is
// left no cgroup hook sees: frames written by hand (AF_PACKET); packets that
// are forwarded and so have no socket, such as those a process feeds to a tun
// device; and packets that have got another destination since: of a tunnel (the
// kernel has its outer packets pass that egress unasked), or by nftables at the
// egress of a device.  The last cannot be told from a datagram without a peer,
// so those are judged here once more.
//
// A pod's containers have one network namespace, and the programs of all see
// what each sends.  Each refuses only what is of a container that has its
// rules, by the cgroup of the socket; and what is of none: a packet without a
// socket, a frame of a process that nobody judges.
//
// Whoever may load programs himself can put one before this; and an interface
// that is made later has none, but what leaves it leaves one of those that were
// there in the end.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/abi/foreign.h"
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

// Leaves the packet's socket in r1, to `other` when that is none of IP.
// Clobbers r2.
void load_ip_socket(Writer& code, Label other) {
  const Label found = code.new_label();
  code.append(load(Size::k64, kR1, kContext, offsetof(__sk_buff, sk)));
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  code.append(load(Size::k32, kR2, kR1, offsetof(bpf_sock, family)));
  code.jump(jump_if(Comparison::kEq, kR2, AF_INET), found);
  code.jump(jump_if(Comparison::kNe, kR2, AF_INET6), other);
  code.bind(found);
}

// Leaves the frame's data in r2, to `other` when there are less than `size`
// bytes in one piece.  Clobbers r3 and r4.
void load_data(Writer& code, int size, Label other) {
  code.append(load(Size::k32, kR2, kContext, offsetof(__sk_buff, data)));
  code.append(load(Size::k32, kR3, kContext, offsetof(__sk_buff, data_end)));
  code.append(move(kR4, kR2));
  code.append(alu(BPF_ADD, kR4, size));
  code.jump(jump_if(Comparison::kGt, kR4, kR3), other);
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

// Passes what an IP socket sends to its peer.  `header`: the bytes before the
// IP header, without tags.
template <int header>
void pass_to_peer(Writer& code) {
  const Label judge = code.new_label();
  const Label six = code.new_label();
  load_ip_socket(code, judge);
  load_data(code, header + 20, judge);
  code.append(load(Size::k8, kR3, kR2, header));
  code.append(alu(BPF_RSH, kR3, 4));
  code.jump(jump_if(Comparison::kEq, kR3, 6), six);
  code.jump(jump_if(Comparison::kNe, kR3, 4), judge);
  compare_peer(code, header + 16, offsetof(bpf_sock, dst_ip4), 1, judge);
  pass(code);
  code.bind(six);
  load_data(code, header + 40, judge);
  compare_peer(code, header + 24, offsetof(bpf_sock, dst_ip6), 4, judge);
  pass(code);
  code.bind(judge);
}

// To `allow` when it is for another program to refuse: what a container sends
// is judged by the rules of that one.  An IP socket of nobody who is judged is
// a neighbour's; any other socket may have been made elsewhere to be handed in,
// and only programs for frames judge what it sends.
void allow_others(Writer& code, const FlavourCode& flavour, Label allow) {
  const Label own = code.new_label();
  const Label looked = code.new_label();
  // Whether some policy judges the socket's cgroup.
  constexpr Register kFound = kVerdict;
  code.append(move(kFound, 0));
  // Nearest to the root is 1.  Where a container's cgroup is, is the runtime's
  // choice; it may lie in that of another.
  for (std::uint32_t level = 1; level <= BAILIFF_MAX_FOREIGN_LEVELS; ++level) {
    const Label next = code.new_label();
    code.append(move(kR1, kContext));
    code.append(move(kR2, static_cast<std::int32_t>(level)));
    code.append(call(BPF_FUNC_skb_ancestor_cgroup_id));
    // Of the root are the kernel's own, by which it sends for whoever has the
    // network namespace.
    code.jump(jump_if(Comparison::kEq, kR0, 0), level == 1 ? own : looked);
    code.append(store(Size::k64, kFrame, kPacketSlot, kR0));
    code.load_map(kR1, {.kind = MapKind::kJudged, .list = {}});
    code.frame_address(kR2, kPacketSlot);
    code.append(call(BPF_FUNC_map_lookup_elem));
    code.jump(jump_if(Comparison::kEq, kR0, 0), next);
    code.append(move(kFound, 1));
    code.load_constant(kR1, flavour.frames_id);
    for (int i = 0; i < 2; ++i) {
      constexpr int kFrames{offsetof(bailiff_judged, frames)};
      code.append(load(Size::k64, kR2, kR0, kFrames + 8 * i));
      code.jump(jump_if(Comparison::kEq, kR2, kR1), own);
    }
    code.bind(next);
  }
  code.bind(looked);
  code.jump(jump_if(Comparison::kNe, kFound, 0), allow);
  load_ip_socket(code, own);
  code.go(allow);
  code.bind(own);
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

template <void (*read_header)(Writer&, Label, Label), int header>
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
      .begin = pass_to_peer<header>,
      .confirm = allow_others,
      .pass = kNextProgram,
      .refuse = kDropFrame,
      .of_cgroup = false,
  };
  return flavour;
}

}  // namespace

const FlavourCode& frame_code() { return code_of<read_ethernet, ETH_HLEN>(); }
const FlavourCode& bare_frame_code() { return code_of<read_version, 0>(); }

}  // namespace bailiff::emit
