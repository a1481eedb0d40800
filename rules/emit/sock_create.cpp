// SPDX-License-Identifier: Apache-2.0
// BPF_CGROUP_INET_SOCK_CREATE: an IPv4 or IPv6 socket that a process of the
// container makes, by socket(2) or by io_uring.  The kernel asks when type and
// protocol are settled and before there is a descriptor; refused, the call
// fails with EPERM.  Not asked of the kernel's own sockets, nor of those that
// accept(2) returns.
//
// It writes no record: the observer tells of the call, and that it failed.
#include <netinet/in.h>

#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/hits.h"
#include "rules/emit/sock_addr.h"

namespace bailiff::emit {
namespace {

// It has no address: the family alone.
void load_family(Writer& code) {
  const Label four = code.new_label();
  code.append(move(kFamily, 4));
  code.append(load(Size::k32, kR1, kContext, offsetof(bpf_sock, family)));
  code.jump(jump_if(Comparison::kEq, kR1, AF_INET), four);
  code.append(move(kFamily, 6));
  code.bind(four);
}

void load_no_address(Writer& code, Register dst) { code.append(move(dst, 0)); }

void load_unknown(Writer& code, Register dst) {
  code.append(load(Size::k32, dst, kContext, offsetof(bpf_sock, protocol)));
}

void finish(Writer& code, const std::vector<KernelRule>& rules,
            const FlavourCode& flavour) {
  // Only to name it: the kernel then makes the container's entry, which
  // programs that join it later find filled in, as with any other program.
  code.load_map(kR1, {.kind = MapKind::kContainers, .list = {}});
  emit_verdict(code, rules, flavour.by_task);
  static_assert(BAILIFF_VERDICT_ALLOWED == 0 && BAILIFF_VERDICT_DENIED == 1);
  code.append(move(kR0, kVerdict));
  code.append(alu(BPF_XOR, kR0, 1));
  code.exit();
}

}  // namespace

const FlavourCode& sock_create_code() {
  static constexpr FlavourCode kFlavour = {
      .family = std::nullopt,
      .load_address = load_family,
      .load_address4 = load_no_address,
      .load_comm = load_sock_addr_comm,
      .load_number = load_sock_addr_number,
      .load_unknown = load_unknown,
      .finish = finish,
  };
  return kFlavour;
}

}  // namespace bailiff::emit
