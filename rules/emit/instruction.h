// SPDX-License-Identifier: Apache-2.0
// rules/emit/instruction.h
// eBPF instructions by what they do.
//
// Register convention, for every program this project emits:
//   r0       result of a call, verdict     r6  context
//   r1..r5   scratch, arguments            r7  hits of the rules seen so far
//   r8       list that is asked; verdict,  r9  address family, when it is not
//            on the cold path                  the same for every event
//   r10      frame pointer
#pragma once

#include <linux/bpf.h>

#include <cstdint>

namespace bailiff::emit {

enum class Register : std::uint8_t {
  kR0,
  kR1,
  kR2,
  kR3,
  kR4,
  kR5,
  kR6,
  kR7,
  kR8,
  kR9,
  kFrame,
};
using enum Register;

inline constexpr Register kContext = kR6;
inline constexpr Register kHits = kR7;
inline constexpr Register kVerdict = kR8;
inline constexpr Register kFamily = kR9;

// BPF_B, BPF_H, BPF_W, BPF_DW.
enum class Size : std::uint8_t {
  k8 = BPF_B,
  k16 = BPF_H,
  k32 = BPF_W,
  k64 = BPF_DW,
};

// The comparisons of conditional jumps; all unsigned.
enum class Comparison : std::uint8_t {
  kEq = BPF_JEQ,
  kNe = BPF_JNE,
  kGt = BPF_JGT,
  kGe = BPF_JGE,
  kLt = BPF_JLT,
  kLe = BPF_JLE,
};

constexpr bpf_insn instruction(int code, Register dst, Register src, int off,
                               std::int32_t imm) {
  bpf_insn insn{};
  insn.code = static_cast<std::uint8_t>(code);
  insn.dst_reg = static_cast<std::uint8_t>(dst) & 0xf;
  insn.src_reg = static_cast<std::uint8_t>(src) & 0xf;
  insn.off = static_cast<std::int16_t>(off);
  insn.imm = imm;
  return insn;
}

// ALU on 64 bits; `op` is BPF_ADD, BPF_RSH, …; `imm` is sign-extended.
constexpr bpf_insn alu(int op, Register dst, std::int32_t imm) {
  return instruction(BPF_ALU64 | op | BPF_K, dst, kR0, 0, imm);
}
constexpr bpf_insn alu(int op, Register dst, Register src) {
  return instruction(BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}
// ALU on 32 bits: the upper half of `dst` becomes zero.
constexpr bpf_insn alu32(int op, Register dst, std::uint32_t imm) {
  return instruction(BPF_ALU | op | BPF_K, dst, kR0, 0,
                     static_cast<std::int32_t>(imm));
}
constexpr bpf_insn negate(Register dst) {
  return instruction(BPF_ALU64 | BPF_NEG, dst, kR0, 0, 0);
}
constexpr bpf_insn move(Register dst, std::int32_t imm) {
  return alu(BPF_MOV, dst, imm);
}
constexpr bpf_insn move(Register dst, Register src) {
  return alu(BPF_MOV, dst, src);
}
// The lower 32 bits; the upper half of `dst` becomes zero.
constexpr bpf_insn move32(Register dst, Register src) {
  return instruction(BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0);
}
// The lower `bits` of `dst` from network to host order, the rest zero.
constexpr bpf_insn from_network_order(Register dst, int bits) {
  return instruction(BPF_ALU | BPF_END | BPF_TO_BE, dst, kR0, 0, bits);
}
constexpr bpf_insn load(Size size, Register dst, Register base, int offset) {
  return instruction(BPF_LDX | BPF_MEM | static_cast<int>(size), dst, base,
                     offset, 0);
}
constexpr bpf_insn store(Size size, Register base, int offset, Register src) {
  return instruction(BPF_STX | BPF_MEM | static_cast<int>(size), base, src,
                     offset, 0);
}
constexpr bpf_insn store(Size size, Register base, int offset,
                         std::int32_t imm) {
  return instruction(BPF_ST | BPF_MEM | static_cast<int>(size), base, kR0,
                     offset, imm);
}
constexpr bpf_insn atomic_add(Register base, int offset, Register src) {
  return instruction(BPF_STX | BPF_ATOMIC | BPF_DW, base, src, offset, BPF_ADD);
}
constexpr bpf_insn jump_if(Comparison comparison, Register left,
                           std::int32_t right) {
  return instruction(BPF_JMP | static_cast<int>(comparison) | BPF_K, left, kR0,
                     0, right);
}
constexpr bpf_insn jump_if(Comparison comparison, Register left,
                           Register right) {
  return instruction(BPF_JMP | static_cast<int>(comparison) | BPF_X, left,
                     right, 0, 0);
}
constexpr bpf_insn jump_always() {
  return instruction(BPF_JMP | BPF_JA, kR0, kR0, 0, 0);
}
// `id` is a BPF_FUNC_*.
constexpr bpf_insn call(bpf_func_id id) {
  return instruction(BPF_JMP | BPF_CALL, kR0, kR0, 0,
                     static_cast<std::int32_t>(id));
}
// Of a function of the kernel's own; which is filled in by who loads it.
constexpr bpf_insn call_kernel() {
  bpf_insn insn = instruction(BPF_JMP | BPF_CALL, kR0, kR0, 0, 0);
  insn.src_reg = BPF_PSEUDO_KFUNC_CALL;
  return insn;
}
constexpr bpf_insn call_subprogram() {
  bpf_insn insn = instruction(BPF_JMP | BPF_CALL, kR0, kR0, 0, 0);
  insn.src_reg = BPF_PSEUDO_CALL;
  return insn;
}
constexpr bpf_insn leave() {
  return instruction(BPF_JMP | BPF_EXIT, kR0, kR0, 0, 0);
}

}  // namespace bailiff::emit
