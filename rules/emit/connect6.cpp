// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET6_CONNECT: connect(2) on a socket of family AF_INET6.  An
// IPv4-mapped address reaches an IPv4 host, and is judged as one: otherwise
// ::ffff:a.b.c.d would be a way around every rule about a.b.c.d.
#include <arpa/inet.h>

#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/sock_addr.h"

namespace bailiff::emit {
namespace {

constexpr int kIp6 = offsetof(bpf_sock_addr, user_ip6);

void load_address(Writer& code) {
  const Label native = code.new_label();
  const Label done = code.new_label();
  // The kernel allows 8-byte reads of user_ip6 since 5.3.
  code.append(load(Size::k64, kR1, kContext, kIp6));
  code.append(load(Size::k32, kR2, kContext, kIp6 + 8));
  code.append(load(Size::k32, kR3, kContext, kIp6 + 12));
  code.append(move(kFamily, 6));
  // A copy: where the verifier knows the address to begin with zeros, it would
  // look at the rest of the program once more.
  code.append(move(kR5, kR1));
  code.append(alu(BPF_OR, kR5, 0));
  code.jump(jump_if(Comparison::kNe, kR5, 0), native);
  code.load_constant(kR4, htonl(0x0000ffff));
  code.jump(jump_if(Comparison::kNe, kR2, kR4), native);
  code.append(move(kFamily, 4));
  code.append(store(Size::k32, kFrame, kAddressSlot, kR3));
  code.append(store(Size::k32, kFrame, kAddressSlot + 4, 0));
  code.append(store(Size::k64, kFrame, kAddressSlot + 8, 0));
  code.go(done);
  code.bind(native);
  code.append(store(Size::k64, kFrame, kAddressSlot, kR1));
  code.append(store(Size::k32, kFrame, kAddressSlot + 8, kR2));
  code.append(store(Size::k32, kFrame, kAddressSlot + 12, kR3));
  code.bind(done);
}

void load_address4(Writer& code, Register dst) {
  code.load_compared(Size::k32, dst, kAddressSlot);
}

void finish(Writer& code, const std::vector<KernelRule>& rules) {
  finish_connect(code, rules, connect6_code());
}

}  // namespace

const FlavourCode& connect6_code() {
  static constexpr FlavourCode flavour = {
      .family = std::nullopt,
      .load_address = load_address,
      .load_address4 = load_address4,
      .load_comm = load_sock_addr_comm,
      .load_number = load_sock_addr_number,
      .load_unknown = load_sock_addr_unknown,
      .finish = finish,
  };
  return flavour;
}

}  // namespace bailiff::emit
