// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET_EGRESS: an IPv4 or IPv6 packet that leaves a socket of the
// container, whatever made it: a raw socket, a connection that is older than
// the list, a protocol whose connect(2) no hook sees.  The kernel asks when the
// packet has its route and before it is cut into fragments; its data begins
// with the IP header.
#include <arpa/inet.h>
#include <linux/if_ether.h>

#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/packet.h"
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

}  // namespace

const FlavourCode& egress_code() {
  static constexpr FlavourCode flavour = {
      .family = std::nullopt,
      .load_address = load_address,
      .load_address4 = load_address4,
      .load_comm = load_packet_comm,
      .load_number = load_number,
      .load_unknown = load_packet_unknown,
      .finish = finish_and_report,
      .hook = BAILIFF_HOOK_EGRESS,
  };
  return flavour;
}

}  // namespace bailiff::emit
