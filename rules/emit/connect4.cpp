// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET4_CONNECT: connect(2) on a socket of family AF_INET.
#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/sock_addr.h"

namespace bailiff::emit {
namespace {

void load_address4(Writer& code, Register dst) {
  code.append(
      load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, user_ip4)));
}

void load_address(Writer& code) {
  load_address4(code, kR1);
  code.append(store(Size::k32, kFrame, kAddressSlot, kR1));
  code.append(store(Size::k32, kFrame, kAddressSlot + 4, 0));
  code.append(store(Size::k64, kFrame, kAddressSlot + 8, 0));
}

void finish(Writer& code, const std::vector<KernelRule>& rules) {
  finish_connect(code, rules, connect4_code());
}

}  // namespace

const FlavourCode& connect4_code() {
  static constexpr FlavourCode flavour = {
      .family = 4,
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
