// SPDX-License-Identifier: Apache-2.0
// hook/kernel/kernel_facts.h
// What programs have to be told of the kernel they are loaded into
// (emit::KernelFact).
#pragma once

#include <cstdint>
#include <optional>

#include "rules/emit/program.h"

namespace bailiff::hook {

struct KernelFacts {
  // The offset of sk_lock.owned in struct sock, when programs for frames can
  // know who sends one; otherwise absent.
  std::optional<std::int16_t> socket_owned;
};

// Of the running kernel, found by reading its BTF and loading a program of four
// instructions: some 20 ms, once in a process.  Any thread.
const KernelFacts& kernel_facts();

// The program with what it asks for, so that it asks for nothing more.
emit::Program with_facts(emit::Program program, const KernelFacts& kernel);

}  // namespace bailiff::hook
