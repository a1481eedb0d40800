// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET6_CONNECT and BPF_CGROUP_UDP6_SENDMSG: the same on a socket of
// family AF_INET6.
#include <cstddef>
#include <optional>

#include "rules/emit/flavour.h"
#include "rules/emit/passed.h"
#include "rules/emit/reached_host.h"
#include "rules/emit/sock_addr.h"

namespace bailiff::emit {
namespace {

constexpr int kIp6 = offsetof(bpf_sock_addr, user_ip6);

void load_address(Writer& code) {
  // The kernel allows 8-byte reads of user_ip6 since 5.3.
  code.append(load(Size::k64, kR1, kContext, kIp6));
  code.append(load(Size::k32, kR2, kContext, kIp6 + 8));
  code.append(load(Size::k32, kR3, kContext, kIp6 + 12));
  file_address6(code);
}

void load_address4(Writer& code, Register dst) {
  code.load_compared(Size::k32, dst, kAddressSlot);
}

constexpr FlavourCode kConnect = sock_addr_code(
    std::nullopt, load_address, load_address4, BAILIFF_HOOK_CONNECT);
constexpr FlavourCode kSendmsg =
    sock_addr_code(std::nullopt, load_address, load_address4,
                   BAILIFF_HOOK_SENDMSG, note_name6);

}  // namespace

const FlavourCode& connect6_code() { return kConnect; }
const FlavourCode& sendmsg6_code() { return kSendmsg; }

}  // namespace bailiff::emit
