// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/assembler.h"

#include <cassert>
#include <limits>
#include <string>

namespace bailiff::emit {
namespace {

bool is_subprogram_call(const bpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
}

bool is_function_address(const bpf_insn& insn) {
  return insn.code == (BPF_LD | BPF_DW | BPF_IMM) &&
         insn.src_reg == BPF_PSEUDO_FUNC;
}

}  // namespace

Label Assembler::new_label() {
  bound_.push_back(kUnbound);
  return static_cast<Label>(bound_.size() - 1);
}

void Assembler::bind(Label label) {
  std::size_t& place = bound_[static_cast<std::size_t>(label)];
  assert(place == kUnbound);
  place = insns_.size();
}

void Assembler::jump(const bpf_insn& insn, Label target) {
  fixups_.push_back({.insn = insns_.size(), .target = target});
  insns_.push_back(insn);
}

Result<std::vector<bpf_insn>> Assembler::link() && {
  for (const Fixup& fixup : fixups_) {
    const std::size_t target = bound_[static_cast<std::size_t>(fixup.target)];
    assert(target != kUnbound);
    // All kinds count from the instruction behind.
    const std::int64_t distance = static_cast<std::int64_t>(target) -
                                  static_cast<std::int64_t>(fixup.insn) - 1;
    bpf_insn& insn = insns_[fixup.insn];
    if (is_subprogram_call(insn) || is_function_address(insn)) {
      insn.imm = static_cast<std::int32_t>(distance);
      continue;
    }
    if (distance < std::numeric_limits<std::int16_t>::min() ||
        distance > std::numeric_limits<std::int16_t>::max()) {
      return Error{.code = Code::kExhausted,
                   .message = "a jump over " + std::to_string(distance) +
                              " instructions does not fit in a program: " +
                              "put the operands of its rule in a list"};
    }
    insn.off = static_cast<std::int16_t>(distance);
  }
  return std::move(insns_);
}

}  // namespace bailiff::emit
