// SPDX-License-Identifier: Apache-2.0
#include <linux/if_packet.h>
#include <netinet/in.h>

#include <cstddef>

#include "rules/emit/assembler.h"
#include "rules/emit/instruction.h"
#include "rules/emit/program.h"

namespace bailiff::emit {
namespace {

// The kernel shows a program the first page of an option's value, and expects
// to be told when that is not all: a length of 0 leaves the value as it is.
// The smallest page there is.
constexpr std::int32_t kPageBytes = 4096;
// A length that tells the kernel that the program has set the option.
constexpr std::int32_t kHandled = -1;

bpf_insn load_option(Register dst, std::size_t offset) {
  return load(Size::k32, dst, kR1, static_cast<int>(offset));
}

}  // namespace

Program emit_frame_guard() {
  Assembler code;
  const Label xdp = code.new_label();
  const Label other = code.new_label();
  const Label done = code.new_label();
  code.append(load_option(kR2, offsetof(bpf_sockopt, level)));
  code.jump(jump_if(Comparison::kEq, kR2, SOL_XDP), xdp);
  code.jump(jump_if(Comparison::kNe, kR2, SOL_PACKET), other);
  code.append(load_option(kR2, offsetof(bpf_sockopt, optname)));
  code.jump(jump_if(Comparison::kNe, kR2, PACKET_QDISC_BYPASS), other);
  code.append(move(kR2, kHandled));
  code.append(store(Size::k32, kR1, offsetof(bpf_sockopt, optlen), kR2));
  code.jump(jump_always(), done);
  code.bind(other);
  code.append(load_option(kR2, offsetof(bpf_sockopt, optlen)));
  code.jump(jump_if(Comparison::kLe, kR2, kPageBytes), done);
  code.append(move(kR2, 0));
  code.append(store(Size::k32, kR1, offsetof(bpf_sockopt, optlen), kR2));
  code.bind(done);
  code.append(move(kR0, 1));
  code.append(leave());
  code.bind(xdp);
  code.append(move(kR0, 0));
  code.append(leave());
  Program program;
  program.flavour = Flavour::kSetsockopt;
  // Its jumps are short: it always links.
  program.insns = *std::move(code).link();
  return program;
}

}  // namespace bailiff::emit
