// SPDX-License-Identifier: Apache-2.0
// rules/emit/assembler.h
// Assembler: eBPF instructions with symbolic jumps.
//
// Nothing here talks to the kernel; link() yields bytes that are the same on
// every host of one byte order.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rules/base/result.h"

namespace bailiff::emit {

// A place in the program, known by name before it is known by offset.
enum class Label : std::uint32_t {};

class Assembler {
 public:
  Label new_label();
  void bind(Label label);  // at most once per label

  void append(const bpf_insn& insn) { insns_.push_back(insn); }
  // `insn` must be a jump, a call of a subprogram (BPF_PSEUDO_CALL), or the
  // first half of what loads its address (BPF_PSEUDO_FUNC); its distance is
  // filled in by link().
  void jump(const bpf_insn& insn, Label target);
  std::size_t size() const { return insns_.size(); }

  // Fails with kExhausted if a jump does not fit in 16 bits: a truncated
  // distance would be another program.  Precondition: every label that is a
  // target is bound.
  Result<std::vector<bpf_insn>> link() &&;

 private:
  struct Fixup {
    std::size_t insn;
    Label target;
  };
  static constexpr std::size_t kUnbound = SIZE_MAX;

  std::vector<bpf_insn> insns_;
  std::vector<std::size_t> bound_;  // indexed by Label
  std::vector<Fixup> fixups_;
};

}  // namespace bailiff::emit
