// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/writer.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace bailiff::emit {
namespace {

Comparison inverse(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEq:
      return Comparison::kNe;
    case Comparison::kNe:
      return Comparison::kEq;
    case Comparison::kGt:
      return Comparison::kLe;
    case Comparison::kLe:
      return Comparison::kGt;
    case Comparison::kGe:
      return Comparison::kLt;
    case Comparison::kLt:
      return Comparison::kGe;
  }
  return comparison;
}

bpf_insn inverted(bpf_insn insn) {
  const auto comparison = static_cast<Comparison>(BPF_OP(insn.code));
  insn.code = static_cast<std::uint8_t>((insn.code & ~0xf0) |
                                        static_cast<int>(inverse(comparison)));
  return insn;
}

}  // namespace

Label Writer::new_label() {
  at_label_.emplace_back();
  return assembler_.new_label();
}

void Writer::bind(Label label) {
  const auto& arrived = at_label_[static_cast<std::size_t>(label)];
  assembler_.bind(label);
  if (!arrived) return;
  loaded_ = reachable_ ? loaded_ & *arrived : *arrived;
  reachable_ = true;
}

void Writer::arrive(Label target) {
  auto& arrived = at_label_[static_cast<std::size_t>(target)];
  arrived = arrived ? *arrived & loaded_ : loaded_;
}

void Writer::append(const bpf_insn& insn) {
  if (reachable_) assembler_.append(insn);
}

void Writer::jump(const bpf_insn& insn, Label target) {
  if (!reachable_) return;
  arrive(target);
  assembler_.jump(insn, target);
}

void Writer::go(Label target) {
  jump(jump_always(), target);
  reachable_ = false;
}

void Writer::go(Label target, Label next) {
  if (target != next) go(target);
}

void Writer::branch(bpf_insn insn, Label if_true, Label if_false, Label next) {
  if (if_true == next) {
    jump(inverted(insn), if_false);
    return;
  }
  jump(insn, if_true);
  go(if_false, next);
}

void Writer::exit() {
  append(leave());
  reachable_ = false;
}

void Writer::begin_function(std::uint32_t arguments) {
  // Where no way leads there is no function: the next one begins here.
  if (!reachable_) return;
  loaded_ = 0;
  functions_.push_back({.insn = static_cast<std::uint32_t>(assembler_.size()),
                        .arguments = arguments});
}

void Writer::load_constant(Register dst, std::uint64_t value) {
  if (value <= std::numeric_limits<std::uint32_t>::max()) {
    append(alu32(BPF_MOV, dst, static_cast<std::uint32_t>(value)));
    return;
  }
  append(instruction(BPF_LD | BPF_DW | BPF_IMM, dst, kR0, 0,
                     static_cast<std::int32_t>(value)));
  append(instruction(0, kR0, kR0, 0, static_cast<std::int32_t>(value >> 32)));
}

void Writer::load_map(Register dst, const MapRef& map) {
  if (!reachable_) return;
  relocations_.push_back({.insn = static_cast<std::uint32_t>(assembler_.size()),
                          .map = map_index(map)});
  bpf_insn insn = instruction(BPF_LD | BPF_DW | BPF_IMM, dst, kR0, 0, 0);
  insn.src_reg = BPF_PSEUDO_MAP_FD;
  append(insn);
  append(instruction(0, kR0, kR0, 0, 0));
}

void Writer::append_with(const bpf_insn& insn, KernelFact fact) {
  if (!reachable_) return;
  facts_.push_back(
      {.insn = static_cast<std::uint32_t>(assembler_.size()), .fact = fact});
  append(insn);
}

void Writer::load_function(Register dst, Label function) {
  if (!reachable_) return;
  bpf_insn insn = instruction(BPF_LD | BPF_DW | BPF_IMM, dst, kR0, 0, 0);
  insn.src_reg = BPF_PSEUDO_FUNC;
  jump(insn, function);
  append(instruction(0, kR0, kR0, 0, 0));
}

std::uint32_t Writer::map_index(const MapRef& map) {
  const auto found = std::find(maps_.begin(), maps_.end(), map);
  if (found != maps_.end()) {
    return static_cast<std::uint32_t>(found - maps_.begin());
  }
  maps_.push_back(map);
  return static_cast<std::uint32_t>(maps_.size() - 1);
}

void Writer::frame_address(Register dst, int slot) {
  append(move(dst, kFrame));
  append(alu(BPF_ADD, dst, slot));
}

void Writer::load_compared(Size size, Register dst, int slot) {
  append(load(size, dst, kFrame, slot));
  append(alu(BPF_OR, dst, 0));
}

bool Writer::begin_load(Loaded what) {
  if ((loaded_ & what) != 0) return false;
  loaded_ |= what;
  return true;
}

Result<Program> Writer::finish(Flavour flavour) && {
  Program program;
  program.flavour = flavour;
  program.maps = std::move(maps_);
  program.relocations = std::move(relocations_);
  program.facts = std::move(facts_);
  program.functions = std::move(functions_);
  ASSIGN_OR_RETURN(program.insns, std::move(assembler_).link());
  return program;
}

}  // namespace bailiff::emit
