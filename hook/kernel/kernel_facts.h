// SPDX-License-Identifier: Apache-2.0
// hook/kernel/kernel_facts.h
// What programs have to be told of the kernel they are loaded into
// (emit::KernelFact).
#pragma once

#include <cstdint>

#include "rules/emit/program.h"

namespace bailiff::hook {

// As emit::KernelFact; all 0 when programs for frames cannot know who sends.
struct KernelFacts {
  std::int32_t knows_sender = 0;
  std::int32_t cast_to_kernel = 0;
  std::int16_t packet_sock = 0;
  std::int16_t sock_socket = 0;
  std::int16_t sock_owned = 0;
  std::int16_t socket_file = 0;
};

// Of the running kernel, found by reading its BTF and loading a program of four
// instructions: some 20 ms, once in a process.  Any thread.
const KernelFacts& kernel_facts();

// The program with what it asks for, so that it asks for nothing more.
emit::Program with_facts(emit::Program program, const KernelFacts& kernel);

}  // namespace bailiff::hook
