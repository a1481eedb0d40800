// SPDX-License-Identifier: Apache-2.0
// hook/kernel/kernel_facts.h
// What programs have to be told of the kernel they are loaded into
// (emit::KernelFact).
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/emit/program.h"

namespace bailiff::hook {

struct KernelFacts {
  // The offset of sk_lock.owned in struct sock, when programs for frames can
  // know who sends one; otherwise absent.
  std::optional<std::int16_t> socket_owned;
};

// Of the running kernel, found by reading its BTF and loading a program of four
// instructions: some 10 ms, once in a process.  Any thread.
const KernelFacts& kernel_facts();

// Fills in what the program asks for; `insns` are its own.
void patch_facts(const emit::Program& program, const KernelFacts& kernel,
                 std::vector<bpf_insn>& insns);

}  // namespace bailiff::hook
