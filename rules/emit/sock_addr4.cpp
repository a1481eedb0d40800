// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET4_CONNECT: connect(2) on a socket of family AF_INET; and
// BPF_CGROUP_UDP4_SENDMSG: a datagram with an address over IPv4, from a socket
// of family AF_INET6 too when the address is an IPv4 one.
#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/passed.h"
#include "rules/emit/reached_host.h"
#include "rules/emit/sock_addr.h"

namespace bailiff::emit {
namespace {

void load_address4(Writer& code, Register dst) {
  code.append(
      load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, user_ip4)));
  name_loopback4(code, dst, kR5);
}

void load_address(Writer& code) {
  load_address4(code, kR1);
  code.append(store(Size::k32, kFrame, kAddressSlot, kR1));
  code.append(store(Size::k32, kFrame, kAddressSlot + 4, 0));
  code.append(store(Size::k64, kFrame, kAddressSlot + 8, 0));
}

constexpr FlavourCode kConnect =
    sock_addr_code(4, load_address, load_address4, BAILIFF_HOOK_CONNECT);
constexpr FlavourCode kSendmsg = sock_addr_code(
    4, load_address, load_address4, BAILIFF_HOOK_SENDMSG, note_name4);

}  // namespace

const FlavourCode& connect4_code() { return kConnect; }
const FlavourCode& sendmsg4_code() { return kSendmsg; }

}  // namespace bailiff::emit
