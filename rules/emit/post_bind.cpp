// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET4_POST_BIND and BPF_CGROUP_INET6_POST_BIND: bind(2) of a
// socket, when its address and port are settled and before the call returns.
//
// Not BPF_CGROUP_INET4_BIND, which the kernel asks before: there the port is 0
// when the kernel is to choose one.  A refusal here gives the port back, and
// bind(2) fails with EPERM all the same.  Not asked of raw sockets, nor where a
// process has the kernel choose the port later (IP_BIND_ADDRESS_NO_PORT), at
// connect(2) or listen(2): no port is bound then.
#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/reached_host.h"
#include "rules/emit/report.h"
#include "rules/emit/sock_addr.h"

namespace bailiff::emit {
namespace {

constexpr int kIp4 = offsetof(bpf_sock, src_ip4);
constexpr int kIp6 = offsetof(bpf_sock, src_ip6);

void load_own_address4(Writer& code, Register dst) {
  code.append(load(Size::k32, dst, kContext, kIp4));
}

void load_own4(Writer& code) {
  load_own_address4(code, kR1);
  code.append(store(Size::k32, kFrame, kAddressSlot, kR1));
  code.append(store(Size::k32, kFrame, kAddressSlot + 4, 0));
  code.append(store(Size::k64, kFrame, kAddressSlot + 8, 0));
}

void load_own6(Writer& code) {
  // The kernel lets 4 bytes be read at a time.
  for (int i = 0; i < 16; i += 4) {
    code.append(load(Size::k32, kR1, kContext, kIp6 + i));
    code.append(store(Size::k32, kFrame, kAddressSlot + i, kR1));
  }
  code.append(load(Size::k64, kR1, kFrame, kAddressSlot));
  code.append(load(Size::k32, kR2, kFrame, kAddressSlot + 8));
  code.append(load(Size::k32, kR3, kFrame, kAddressSlot + 12));
  file_address6(code, /*reached=*/false);
}

void load_filed_address4(Writer& code, Register dst) {
  code.load_compared(Size::k32, dst, kAddressSlot);
}

void load_number(Writer& code, Number number, Register dst) {
  switch (number) {
    case Number::kPort:  // in host order
    case Number::kLocalPort:
    case Number::kBoundPort:
      code.append(load(Size::k32, dst, kContext, offsetof(bpf_sock, src_port)));
      return;
    case Number::kL4proto:
      code.append(load(Size::k32, dst, kContext, offsetof(bpf_sock, protocol)));
      return;
    case Number::kPid:
    case Number::kTid:
    case Number::kUid:
    case Number::kGid:
      load_sock_addr_number(code, number, dst);
      return;
  }
}

void load_unknown(Writer& code, Register dst) {
  code.append(load(Size::k32, dst, kContext, offsetof(bpf_sock, protocol)));
}

constexpr FlavourCode post_bind_code(std::optional<std::uint8_t> family,
                                     void (*load_address)(Writer& code),
                                     void (*load_address4)(Writer& code,
                                                           Register dst)) {
  return {
      .family = family,
      .load_address = load_address,
      .load_address4 = load_address4,
      .load_comm = load_sock_addr_comm,
      .load_number = load_number,
      .load_unknown = load_unknown,
      .finish = finish_and_report,
      .hook = BAILIFF_HOOK_BIND,
  };
}

constexpr FlavourCode kFour = post_bind_code(4, load_own4, load_own_address4);
constexpr FlavourCode kSix =
    post_bind_code(std::nullopt, load_own6, load_filed_address4);

}  // namespace

const FlavourCode& post_bind4_code() { return kFour; }
const FlavourCode& post_bind6_code() { return kSix; }

}  // namespace bailiff::emit
