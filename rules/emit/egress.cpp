// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET_EGRESS: an IPv4 or IPv6 packet that leaves a socket of the
// container, whatever made it: a raw socket, a connection that is older than
// the list, a protocol whose connect(2) no hook sees.  The kernel asks when the
// packet has its route and before it is cut into fragments; its data begins
// with the IP header.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/packet.h"
#include "rules/emit/passed.h"
#include "rules/emit/report.h"

namespace bailiff::emit {
namespace {

constexpr PacketPlace kPlace;

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
}

void load_address4(Writer& code, Register dst) {
  code.load_compared(Size::k32, dst, kAddressSlot);
}

void load_number(Writer& code, Number number, Register dst) {
  load_packet_number<load_address>(code, kPlace, number, dst);
}

void pass_at_once(Writer& code, const FlavourCode& flavour) {
  pass_noted(code, flavour, 0);
}

// What goes elsewhere than connect(2) or sendto(2) was asked about: packets of
// raw sockets, of ICMP's and UDP-Lite's, and those that are not for their
// socket's peer: nftables, their options, or a program of a cgroup above (a
// load balancer's) may have given them another destination.  Of a socket
// without a peer sendto(2) was asked, and where the datagram goes in the end is
// what the rule is about.  But one that listens answers, and of other
// protocols' a peer may have come by itself.
void find_raw(Writer& code, const FlavourCode& /*flavour*/) {
  const Label datagram = code.new_label();
  const Label peer = code.new_label();
  const Label raw = code.new_label();
  const Label done = code.new_label();
  code.append(store(Size::k64, kFrame, kRawSlot, 0));
  code.append(load(Size::k64, kR1, kContext, offsetof(__sk_buff, sk)));
  code.jump(jump_if(Comparison::kEq, kR1, 0), done);
  code.append(call(BPF_FUNC_sk_fullsock));
  code.jump(jump_if(Comparison::kEq, kR0, 0), done);
  code.append(load(Size::k32, kR1, kR0, offsetof(bpf_sock, type)));
  code.jump(jump_if(Comparison::kEq, kR1, SOCK_RAW), raw);
  code.jump(jump_if(Comparison::kEq, kR1, SOCK_DGRAM), datagram);
  code.jump(jump_if(Comparison::kNe, kR1, SOCK_STREAM), done);
  code.append(load(Size::k32, kR1, kR0, offsetof(bpf_sock, protocol)));
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_TCP), done);
  code.append(load(Size::k32, kR1, kR0, offsetof(bpf_sock, state)));
  code.jump(jump_if(Comparison::kEq, kR1, BPF_TCP_LISTEN), done);
  code.go(peer);
  code.bind(datagram);
  code.append(load(Size::k32, kR1, kR0, offsetof(bpf_sock, protocol)));
  code.jump(jump_if(Comparison::kNe, kR1, IPPROTO_UDP), raw);
  code.bind(peer);
  load_ip_socket(code, raw);
  branch_not_to_peer(code, 0, raw);
  code.go(done);
  code.bind(raw);
  code.append(store(Size::k64, kFrame, kRawSlot, 1));
  code.bind(done);
}

}  // namespace

const FlavourCode& egress_code() {
  static constexpr FlavourCode kFlavour = {
      .family = std::nullopt,
      .load_address = load_address,
      .load_address4 = load_address4,
      .load_comm = load_packet_comm,
      .load_number = load_number,
      .load_unknown = load_packet_unknown,
      .finish = finish_and_report,
      .hook = BAILIFF_HOOK_EGRESS,
      .begin = pass_at_once,
      .find_raw = find_raw,
      .passed = note_packet,
  };
  return kFlavour;
}

}  // namespace bailiff::emit
