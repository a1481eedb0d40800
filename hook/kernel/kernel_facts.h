// SPDX-License-Identifier: Apache-2.0
// hook/kernel/kernel_facts.h
// What programs have to be told of the kernel they are loaded into
// (emit::KernelFact).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "rules/emit/program.h"

namespace bailiff::hook {

// All 0 when programs for frames cannot know who sends.
struct KernelFacts {
  std::array<std::int32_t, emit::kKernelFacts> values{};

  std::int32_t& operator[](emit::KernelFact fact) {
    return values[static_cast<std::size_t>(fact)];
  }
  std::int32_t operator[](emit::KernelFact fact) const {
    return values[static_cast<std::size_t>(fact)];
  }
  bool knows_sender() const {
    return (*this)[emit::KernelFact::kKnowsSender] != 0;
  }
};

// Of the running kernel, found by reading its BTF and loading a small program:
// some 20 ms, once in a process.  Any thread.
const KernelFacts& kernel_facts();

// The program with what it asks for, so that it asks for nothing more.
emit::Program with_facts(emit::Program program, const KernelFacts& kernel);

}  // namespace bailiff::hook
