// SPDX-License-Identifier: Apache-2.0
// BPF_TCX_EGRESS: what is about to leave an interface of the container's
// network namespace.  Packets of IP sockets have been judged at the egress of
// their cgroup, and pass at once when that has noted them down (passed.h), or
// when they go to the peer of theirs.  What is left no cgroup hook sees: frames
// written by hand (AF_PACKET); packets that are forwarded and so have no
// socket, such as those a process feeds to a tun device; and packets that have
// got another destination since: of a tunnel (the kernel has its outer packets
// pass that egress unasked), or by nftables at the egress of a device.  And
// what a process of the container sends over an IP socket that was made outside
// of it: the egress of its cgroup is not asked about that.
//
// A pod's containers have one network namespace, and the programs of all see
// what each sends.  Each refuses only what is of a container that has its
// rules, by the cgroup of the socket; and what is of none: a packet without a
// socket, a frame of a process that nobody judges.  In the host's network those
// are the host's, and pass (Frames::of_host).
//
// Whoever may load programs himself can put one before this; and an interface
// that has just been made has none yet, but what leaves one that the container
// makes leaves one of those that were there in the end.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/abi/foreign.h"
#include "rules/emit/caller.h"
#include "rules/emit/flavour.h"
#include "rules/emit/packet.h"
#include "rules/emit/passed.h"
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

// To `other` when it is a reset of TCP over IPv6.  The kernel sends some over a
// socket of its own, and only says whose they are: the egress of the cgroup is
// not asked about those.  Its data is in r2, 20 bytes of IP header at least.
void branch_reset6(Writer& code, int header, Label other) {
  constexpr int kNextHeader = 6;
  constexpr int kFlags = 40 + 13;
  constexpr int kReset = 4;
  const Label none = code.new_label();
  code.append(load(Size::k8, kR3, kR2, header));
  code.append(alu(BPF_RSH, kR3, 4));
  code.jump(jump_if(Comparison::kNe, kR3, 6), none);
  code.append(load(Size::k8, kR3, kR2, header + kNextHeader));
  code.jump(jump_if(Comparison::kNe, kR3, IPPROTO_TCP), none);
  load_data(code, header + kFlags + 1, other);
  code.append(load(Size::k8, kR3, kR2, header + kFlags));
  code.append(alu(BPF_AND, kR3, kReset));
  code.jump(jump_if(Comparison::kNe, kR3, 0), other);
  code.bind(none);
}

// Goes to `found` when the container whose cgroup's id is at `slot` has these
// rules, and to `other` when it has others.  Goes on when it is none that is
// judged.
void branch_container(Writer& code, const FlavourCode& flavour, int slot,
                      Label found, Label other) {
  const Label none = code.new_label();
  code.load_map(kR1, {.kind = MapKind::kJudged, .list = {}});
  code.frame_address(kR2, slot);
  code.append(call(BPF_FUNC_map_lookup_elem));
  code.jump(jump_if(Comparison::kEq, kR0, 0), none);
  code.load_constant(kR1, flavour.frames.id);
  for (int i = 0; i < 2; ++i) {
    constexpr int kFrames{offsetof(bailiff_judged, frames)};
    code.append(load(Size::k64, kR2, kR0, kFrames + 8 * i));
    code.jump(jump_if(Comparison::kEq, kR2, kR1), found);
  }
  code.go(other);
  code.bind(none);
}

// Goes to `other` when whoever runs may not be who sends over the packet's
// socket.  One that has no file is the kernel's own, by which it answers in the
// name of whoever is interrupted.  TCP does so over any, but never while a
// process has the socket to itself, as it has when it sends.  A datagram its
// sender sends; what waited for its neighbour's address to be found is the
// exception.  Of other kinds it is not known.
void branch_not_sending(Writer& code, Label other) {
  const Label no_tcp = code.new_label();
  const Label sends = code.new_label();
  code.append(move(kR1, kContext));
  code.append_with(call_kernel(), KernelFact::kCastToKernel);
  code.append_with(load(Size::k64, kR1, kR0, 0), KernelFact::kPacketSock);
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  code.append_with(load(Size::k64, kR1, kR1, 0), KernelFact::kSockSocket);
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  code.append_with(load(Size::k64, kR1, kR1, 0), KernelFact::kSocketFile);
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  load_ip_socket(code, other);
  code.append(call(BPF_FUNC_skc_to_tcp_sock));
  code.jump(jump_if(Comparison::kEq, kR0, 0), no_tcp);
  code.append_with(load(Size::k32, kR1, kR0, 0), KernelFact::kSockOwned);
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  code.go(sends);
  code.bind(no_tcp);
  load_ip_socket(code, other);
  code.append(call(BPF_FUNC_sk_fullsock));
  code.jump(jump_if(Comparison::kEq, kR0, 0), other);
  code.append(load(Size::k32, kR1, kR0, offsetof(bpf_sock, type)));
  code.jump(jump_if(Comparison::kEq, kR1, SOCK_DGRAM), sends);
  code.jump(jump_if(Comparison::kNe, kR1, SOCK_RAW), other);
  code.bind(sends);
}

// Goes to `judge` when a container that has these rules sends over an IP socket
// that was made outside of it, whose cgroup's programs judge no such packet,
// and has the id of its cgroup at kSenderSlot, and who it is at kSenderPidSlot;
// otherwise both are 0.
void find_sender(Writer& code, const FlavourCode& flavour, Label judge) {
  const Label none = code.new_label();
  const Label kept = code.new_label();
  const Label unknown = code.new_label();
  const Label runs = code.new_label();
  // Who was seen to send over the socket last, and the cgroup of whoever runs;
  // who was before, at kSenderPidSlot meanwhile.
  constexpr Register kKept = kHits;
  constexpr Register kRuns = kVerdict;
  // The cgroup itself, as long as no packet is read.
  constexpr int kCaller = kPacketSlot;
  code.append(store(Size::k64, kFrame, kSenderSlot, 0));
  code.append(store(Size::k64, kFrame, kSenderPidSlot, 0));
  code.append_with(move(kR1, 0), KernelFact::kKnowsSender);
  code.jump(jump_if(Comparison::kEq, kR1, 0), none);
  load_ip_socket(code, none);
  code.append(move(kR2, kR1));
  code.load_map(kR1, {.kind = MapKind::kSenders, .list = {}});
  code.append(move(kR3, 0));
  code.append(move(kR4, 0));
  code.append(call(BPF_FUNC_sk_storage_get));
  code.append(move(kKept, 0));
  code.jump(jump_if(Comparison::kEq, kR0, 0), unknown);
  constexpr int kSent{offsetof(bailiff_sender, cgroup_id)};
  code.append(load(Size::k64, kKept, kR0, kSent));
  code.append(load(Size::k64, kR1, kR0, kSent + 8));
  code.append(store(Size::k64, kFrame, kSenderPidSlot, kR1));
  code.bind(unknown);

  // Most are of the cgroup they were made in.
  load_caller_cgroup(code);
  code.append(store(Size::k64, kFrame, kCaller, kR0));
  load_cgroup_id(code);
  code.append(move(kRuns, kR0));
  code.append(move(kR1, kContext));
  code.append(call(BPF_FUNC_skb_cgroup_id));
  code.jump(jump_if(Comparison::kEq, kR0, kRuns), kept);
  branch_not_sending(code, kept);
  for (std::uint32_t level = 1; level <= BAILIFF_MAX_FOREIGN_LEVELS; ++level) {
    const Label next = code.new_label();
    const auto number = static_cast<std::int32_t>(level);
    read_ancestor_id(code, kCaller, number, kSenderSlot, kept);
    code.append(move(kR1, kContext));
    code.append(move(kR2, number));
    code.append(call(BPF_FUNC_skb_ancestor_cgroup_id));
    code.append(load(Size::k64, kR1, kFrame, kSenderSlot));
    code.jump(jump_if(Comparison::kEq, kR0, kR1), next);
    branch_container(code, flavour, kSenderSlot, runs, next);
    code.bind(next);
  }
  // What the kernel sends later, in nobody's name.
  code.bind(kept);
  const Label before = code.new_label();
  const Label first = code.new_label();
  const Label other = code.new_label();
  code.append(store(Size::k64, kFrame, kSenderSlot, kKept));
  code.jump(jump_if(Comparison::kEq, kKept, 0), other);
  branch_container(code, flavour, kSenderSlot, first, before);
  code.bind(before);
  code.append(load(Size::k64, kR1, kFrame, kSenderPidSlot));
  code.append(store(Size::k64, kFrame, kSenderSlot, kR1));
  code.jump(jump_if(Comparison::kEq, kR1, 0), other);
  branch_container(code, flavour, kSenderSlot, first, other);
  code.bind(other);
  code.append(store(Size::k64, kFrame, kSenderSlot, 0));
  code.append(store(Size::k64, kFrame, kSenderPidSlot, 0));
  code.go(none);
  code.bind(first);
  code.append(store(Size::k64, kFrame, kSenderPidSlot, 0));
  code.go(judge);
  code.bind(runs);
  load_caller_ids(code);
  code.append(store(Size::k64, kFrame, kSenderPidSlot, kR0));
  code.go(judge);
  code.bind(none);
}

// Adds 0 to who sends, without the verifier knowing: it would look at the rest
// of the program once for each way there is to know it.
void forget_sender(Writer& code) {
  load_packet_unknown(code, kR2);
  load_packet_unknown(code, kR3);
  code.append(alu(BPF_SUB, kR2, kR3));
  for (const int slot : {kSenderSlot, kSenderPidSlot}) {
    code.append(load(Size::k64, kR1, kFrame, slot));
    code.append(alu(BPF_ADD, kR1, kR2));
    code.append(store(Size::k64, kFrame, slot, kR1));
  }
}

// Passes what has no socket: the host forwards for everybody.
void pass_forwarded(Writer& code) {
  const Label some = code.new_label();
  code.append(load(Size::k64, kR1, kContext, offsetof(__sk_buff, sk)));
  code.jump(jump_if(Comparison::kNe, kR1, 0), some);
  pass(code);
  code.bind(some);
}

// Goes to `own` when the packet's socket was made in a container that has these
// rules, and to `root` when it was in the root cgroup.  Otherwise goes on to
// `looked`, with kFound telling whether some policy judges its cgroup.
constexpr Register kFound = kVerdict;
void look_for_owner(Writer& code, const FlavourCode& flavour, Label own,
                    Label root, Label looked) {
  code.append(move(kFound, 0));
  // Nearest to the root is 1.  Where a container's cgroup is, is the runtime's
  // choice; it may lie in that of another.
  for (std::uint32_t level = 1; level <= BAILIFF_MAX_FOREIGN_LEVELS; ++level) {
    const Label other = code.new_label();
    const Label next = code.new_label();
    code.append(move(kR1, kContext));
    code.append(move(kR2, static_cast<std::int32_t>(level)));
    code.append(call(BPF_FUNC_skb_ancestor_cgroup_id));
    code.jump(jump_if(Comparison::kEq, kR0, 0), level == 1 ? root : looked);
    code.append(store(Size::k64, kFrame, kPacketSlot, kR0));
    branch_container(code, flavour, kPacketSlot, own, other);
    code.go(next);
    code.bind(other);
    code.append(move(kFound, 1));
    code.bind(next);
  }
}

// Goes to `found` when whoever runs is in a container that has these rules, and
// has the id of its cgroup at kSenderSlot, and who it is at kSenderPidSlot.
void find_caller(Writer& code, const FlavourCode& flavour, Label found) {
  const Label runs = code.new_label();
  const Label none = code.new_label();
  // The cgroup itself, as long as no packet is read.
  constexpr int kCaller = kPacketSlot;
  code.append_with(move(kR1, 0), KernelFact::kKnowsSender);
  code.jump(jump_if(Comparison::kEq, kR1, 0), none);
  load_caller_cgroup(code);
  code.append(store(Size::k64, kFrame, kCaller, kR0));
  for (std::uint32_t level = 1; level <= BAILIFF_MAX_FOREIGN_LEVELS; ++level) {
    const Label next = code.new_label();
    read_ancestor_id(code, kCaller, static_cast<std::int32_t>(level),
                     kSenderSlot, none);
    branch_container(code, flavour, kSenderSlot, runs, next);
    code.bind(next);
  }
  code.go(none);
  code.bind(runs);
  load_caller_ids(code);
  code.append(store(Size::k64, kFrame, kSenderPidSlot, kR0));
  code.go(found);
  code.bind(none);
  code.append(store(Size::k64, kFrame, kSenderSlot, 0));
}

// Passes what no container with these rules sends.  A packet socket may have
// been made elsewhere; over those whoever runs sends, and nobody later.
void pass_others(Writer& code, const FlavourCode& flavour) {
  const Label own = code.new_label();
  const Label other = code.new_label();
  const Label packet_socket = code.new_label();
  code.append(load(Size::k64, kR1, kFrame, kSenderSlot));
  code.jump(jump_if(Comparison::kNe, kR1, 0), own);
  look_for_owner(code, flavour, own, other, other);
  code.bind(other);
  load_ip_socket(code, packet_socket);
  pass(code);
  code.bind(packet_socket);
  find_caller(code, flavour, own);
  pass(code);
  code.bind(own);
}

// Passes what an IP socket of the sender's own sends to its peer.  `header`:
// the bytes before the IP header, without tags.
template <int header>
void pass_judged(Writer& code, const FlavourCode& flavour) {
  const Label judge = code.new_label();
  if (flavour.frames.of_host) pass_forwarded(code);
  pass_noted(code, flavour, header);
  find_sender(code, flavour, judge);
  load_ip_socket(code, judge);
  // What is left of a connection that has ended, and answers late segments, is
  // of no cgroup any more.  Linux 6.13 and later have it as the packet's
  // socket.
  code.append(load(Size::k32, kR3, kR1, offsetof(bpf_sock, state)));
  code.jump(jump_if(Comparison::kEq, kR3, BPF_TCP_TIME_WAIT), judge);
  branch_not_to_peer(code, header, judge);
  branch_reset6(code, header, judge);
  pass(code);
  code.bind(judge);
  // Before anything is read: what cannot be read is refused.
  if (flavour.frames.of_host) pass_others(code, flavour);
  forget_sender(code);
}

// To `allow` when it is for another program to refuse: what a container sends
// is judged by the rules of that one.  An IP socket of nobody who is judged is
// a neighbour's; any other socket may have been made elsewhere to be handed in,
// and only programs for frames judge what it sends.
void allow_others(Writer& code, const FlavourCode& flavour, Label allow) {
  // Those have passed.
  if (flavour.frames.of_host) return;
  const Label own = code.new_label();
  const Label looked = code.new_label();
  code.append(load(Size::k64, kR1, kFrame, kSenderSlot));
  code.jump(jump_if(Comparison::kNe, kR1, 0), own);
  // Of the root are the kernel's own, by which it sends for whoever has the
  // network namespace.
  look_for_owner(code, flavour, own, own, looked);
  code.bind(looked);
  code.jump(jump_if(Comparison::kNe, kFound, 0), allow);
  load_ip_socket(code, own);
  code.go(allow);
  code.bind(own);
  forget_sender(code);
}

// In the host's network: frames written by hand.  The host may have given what
// an IP socket sends another destination than the container chose: that of who
// answers for a service (kube-proxy, Docker's published ports).
void find_raw_of_host(Writer& code) {
  const Label raw = code.new_label();
  const Label done = code.new_label();
  code.append(store(Size::k64, kFrame, kRawSlot, 0));
  load_ip_socket(code, raw);
  code.go(done);
  code.bind(raw);
  code.append(store(Size::k64, kFrame, kRawSlot, 1));
  code.bind(done);
}

// What goes elsewhere than a hook of the cgroup was asked about: frames written
// by hand, and packets that are not for their socket's peer; and what a process
// sends over a socket made elsewhere, but for TCP, which may answer there.  All
// of it of a container that has these rules: a neighbour's is its own.  What is
// of no socket is forwarded, for whoever is behind a tun device, say; it is
// judged when it is a question, and may otherwise be an answer.
template <int header>
void find_raw(Writer& code, const FlavourCode& flavour) {
  if (flavour.frames.of_host) {
    find_raw_of_host(code);
    return;
  }
  const Label foreign = code.new_label();
  const Label owned = code.new_label();
  const Label forwarded = code.new_label();
  const Label raw = code.new_label();
  const Label done = code.new_label();
  code.append(store(Size::k64, kFrame, kRawSlot, 0));
  code.append(load(Size::k64, kR1, kFrame, kSenderSlot));
  code.jump(jump_if(Comparison::kNe, kR1, 0), foreign);
  load_ip_socket(code, owned);
  code.append(call(BPF_FUNC_sk_fullsock));
  code.jump(jump_if(Comparison::kEq, kR0, 0), done);
  code.append(load(Size::k32, kR1, kR0, offsetof(bpf_sock, state)));
  code.jump(jump_if(Comparison::kEq, kR1, BPF_TCP_LISTEN), done);
  load_ip_socket(code, owned);
  branch_not_to_peer(code, header, owned);
  code.go(done);
  code.bind(foreign);
  load_ip_socket(code, done);
  code.append(call(BPF_FUNC_skc_to_tcp_sock));
  code.jump(jump_if(Comparison::kEq, kR0, 0), raw);
  code.go(done);
  code.bind(owned);
  code.append(load(Size::k64, kR1, kContext, offsetof(__sk_buff, sk)));
  code.jump(jump_if(Comparison::kEq, kR1, 0), forwarded);
  look_for_owner(code, flavour, raw, done, done);
  code.go(done);
  code.bind(forwarded);
  if (code.begin_load(kLoadedAddress)) flavour.load_address(code);
  branch_asking(code, kPlace, raw, done);
  code.bind(raw);
  code.append(store(Size::k64, kFrame, kRawSlot, 1));
  code.bind(done);
}

// Notes down who sends over the socket, of TCP, which repeats in nobody's name;
// and what is about to be refused, to whoever hears of the use from the kernel
// (hook/bpf/foreign.bpf.c).
void keep_sender(Writer& code, const FlavourCode& flavour) {
  constexpr int kPort = kPacketSlot;
  constexpr int kIsTcp = kPacketSlot + 8;
  constexpr int kNow = kPacketSlot + 16;
  constexpr int kSent{offsetof(bailiff_sender, cgroup_id)};
  const Label done = code.new_label();
  const Label sent = code.new_label();
  const Label no_tcp = code.new_label();
  code.append(load(Size::k64, kR1, kFrame, kSenderSlot));
  code.jump(jump_if(Comparison::kEq, kR1, 0), done);
  flavour.load_number(code, Number::kPort, kR1);
  code.append(store(Size::k16, kFrame, kPort, kR1));
  code.append(call(BPF_FUNC_ktime_get_ns));
  code.append(store(Size::k64, kFrame, kNow, kR0));
  code.append(store(Size::k64, kFrame, kIsTcp, 0));
  load_ip_socket(code, done);
  code.append(call(BPF_FUNC_skc_to_tcp_sock));
  code.jump(jump_if(Comparison::kEq, kR0, 0), no_tcp);
  code.append(store(Size::k64, kFrame, kIsTcp, 1));
  code.bind(no_tcp);
  load_ip_socket(code, done);
  code.append(move(kR2, kR1));
  code.load_map(kR1, {.kind = MapKind::kSenders, .list = {}});
  code.append(move(kR3, 0));
  code.append(move(kR4, BPF_SK_STORAGE_GET_F_CREATE));
  code.append(call(BPF_FUNC_sk_storage_get));
  code.jump(jump_if(Comparison::kEq, kR0, 0), done);
  code.append(load(Size::k64, kR1, kFrame, kSenderSlot));
  code.append(load(Size::k64, kR2, kFrame, kIsTcp));
  code.jump(jump_if(Comparison::kEq, kR2, 0), sent);
  code.append(load(Size::k64, kR2, kR0, kSent));
  code.jump(jump_if(Comparison::kEq, kR2, kR1), sent);
  code.append(store(Size::k64, kR0, kSent + 8, kR2));
  code.append(store(Size::k64, kR0, kSent, kR1));
  code.bind(sent);
  code.jump(jump_if(Comparison::kEq, kVerdict, BAILIFF_VERDICT_ALLOWED), done);
  code.append(store(Size::k64, kR0, offsetof(bailiff_sender, refused_id), kR1));
  code.append(load(Size::k64, kR1, kFrame, kNow));
  code.append(store(Size::k64, kR0, offsetof(bailiff_sender, refused_ns), kR1));
  for (int i = 0; i < 16; i += 8) {
    constexpr int kRefused{offsetof(bailiff_sender, refused_be)};
    code.append(load(Size::k64, kR1, kFrame, kAddressSlot + i));
    code.append(store(Size::k64, kR0, kRefused + i, kR1));
  }
  code.append(load(Size::k16, kR1, kFrame, kPort));
  code.append(
      store(Size::k16, kR0, offsetof(bailiff_sender, refused_port), kR1));
  code.bind(done);
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

// Of who sends, where that is known: the processor may be working for somebody
// else.
void load_comm(Writer& code) {
  const Label done = code.new_label();
  load_packet_comm(code);
  code.append_with(move(kR1, 0), KernelFact::kKnowsSender);
  code.jump(jump_if(Comparison::kEq, kR1, 0), done);
  read_caller_comm(code, kCommSlot);
  code.append(load(Size::k64, kR1, kFrame, kSenderPidSlot));
  load_mask(code, kR2, kR1);
  for (int i = 0; i < BAILIFF_EVENT_COMM_LEN; i += 8) {
    code.append(load(Size::k64, kR1, kFrame, kCommSlot + i));
    code.append(alu(BPF_AND, kR1, kR2));
    code.append(store(Size::k64, kFrame, kCommSlot + i, kR1));
  }
  code.bind(done);
}

// As load_comm(), into r0.
void load_user(Writer& code) {
  const Label done = code.new_label();
  code.append(move(kR0, 0));
  code.append_with(move(kR1, 0), KernelFact::kKnowsSender);
  code.jump(jump_if(Comparison::kEq, kR1, 0), done);
  load_caller_user(code);
  code.append(load(Size::k64, kR1, kFrame, kSenderPidSlot));
  load_mask(code, kR2, kR1);
  code.append(alu(BPF_AND, kR0, kR2));
  code.bind(done);
}

template <void (*read_header)(Writer&, Label, Label)>
void load_number(Writer& code, Number number, Register dst) {
  switch (number) {
    case Number::kPid:
      code.append(load(Size::k32, dst, kFrame, kSenderPidSlot + 4));
      return;
    case Number::kTid:
      code.append(load(Size::k32, dst, kFrame, kSenderPidSlot));
      return;
    case Number::kUid:
      load_user(code);
      code.append(move32(dst, kR0));
      return;
    case Number::kGid:
      load_user(code);
      code.append(move(dst, kR0));
      code.append(alu(BPF_RSH, dst, 32));
      return;
    case Number::kPort:
    case Number::kLocalPort:
    case Number::kBoundPort:
    case Number::kL4proto:
      break;
  }
  load_packet_number<load_address<read_header>>(code, kPlace, number, dst);
}

template <void (*read_header)(Writer&, Label, Label), int header,
          bailiff_event_hook hook>
const FlavourCode& code_of() {
  static constexpr FlavourCode kFlavour = {
      .family = std::nullopt,
      .load_address = load_address<read_header>,
      .load_address4 = load_address4,
      .load_comm = load_comm,
      .load_number = load_number<read_header>,
      .load_unknown = load_packet_unknown,
      .finish = finish_and_report,
      .hook = hook,
      .begin = pass_judged<header>,
      .find_raw = find_raw<header>,
      .confirm = allow_others,
      .settle = keep_sender,
      .pass = kNextProgram,
      .refuse = kDropFrame,
      .of_cgroup = false,
      .of_frame = true,
  };
  return kFlavour;
}

}  // namespace

const FlavourCode& frame_code() {
  return code_of<read_ethernet, ETH_HLEN, BAILIFF_HOOK_FRAME>();
}
const FlavourCode& bare_frame_code() {
  return code_of<read_version, 0, BAILIFF_HOOK_FRAME>();
}
const FlavourCode& frame_query_code() {
  return code_of<read_ethernet, ETH_HLEN, BAILIFF_HOOK_QUERY>();
}
const FlavourCode& bare_frame_query_code() {
  return code_of<read_version, 0, BAILIFF_HOOK_QUERY>();
}

}  // namespace bailiff::emit
