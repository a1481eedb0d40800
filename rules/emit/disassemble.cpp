// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "rules/emit/instruction.h"
#include "rules/emit/program.h"

namespace bailiff::emit {
namespace {

std::string register_name(unsigned number) {
  return number == static_cast<unsigned>(kFrame) ? "fp"
                                                 : "r" + std::to_string(number);
}

std::string hex(std::uint64_t value) {
  std::array<char, 24> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "0x%llx",
                static_cast<unsigned long long>(value));
  return buffer.data();
}

// Small numbers as such; patterns of bits in hexadecimal.
std::string number(std::int64_t value) {
  if (value >= -4096 && value <= 4096) return std::to_string(value);
  return hex(static_cast<std::uint64_t>(value));
}

std::string memory(const bpf_insn& insn, unsigned base) {
  const char* type = "u64";
  switch (BPF_SIZE(insn.code)) {
    case BPF_B:
      type = "u8";
      break;
    case BPF_H:
      type = "u16";
      break;
    case BPF_W:
      type = "u32";
      break;
    default:
      break;
  }
  const std::string sign = insn.off < 0 ? " -" : " +";
  return std::string("*(") + type + " *)(" + register_name(base) + sign +
         std::to_string(insn.off < 0 ? -insn.off : insn.off) + ")";
}

std::string_view alu_operator(int op) {
  switch (op) {
    case BPF_ADD:
      return "+=";
    case BPF_SUB:
      return "-=";
    case BPF_MUL:
      return "*=";
    case BPF_AND:
      return "&=";
    case BPF_OR:
      return "|=";
    case BPF_XOR:
      return "^=";
    case BPF_LSH:
      return "<<=";
    case BPF_RSH:
      return ">>=";
    case BPF_MOV:
      return "=";
    default:
      return "?=";
  }
}

std::string_view jump_operator(int op) {
  switch (op) {
    case BPF_JEQ:
      return "==";
    case BPF_JNE:
      return "!=";
    case BPF_JGT:
      return ">";
    case BPF_JGE:
      return ">=";
    case BPF_JLT:
      return "<";
    case BPF_JLE:
      return "<=";
    default:
      return "?";
  }
}

std::string function_name(std::int32_t id) {
  switch (id) {
    case BPF_FUNC_map_lookup_elem:
      return "map_lookup_elem";
    case BPF_FUNC_ktime_get_ns:
      return "ktime_get_ns";
    case BPF_FUNC_get_current_pid_tgid:
      return "get_current_pid_tgid";
    case BPF_FUNC_get_current_uid_gid:
      return "get_current_uid_gid";
    case BPF_FUNC_get_current_comm:
      return "get_current_comm";
    case BPF_FUNC_get_local_storage:
      return "get_local_storage";
    case BPF_FUNC_get_current_task_btf:
      return "get_current_task_btf";
    case BPF_FUNC_probe_read_kernel:
      return "probe_read_kernel";
    case BPF_FUNC_skb_cgroup_id:
      return "skb_cgroup_id";
    case BPF_FUNC_sk_fullsock:
      return "sk_fullsock";
    case BPF_FUNC_sk_storage_get:
      return "sk_storage_get";
    case BPF_FUNC_skc_to_tcp_sock:
      return "skc_to_tcp_sock";
    case BPF_FUNC_skb_ancestor_cgroup_id:
      return "skb_ancestor_cgroup_id";
    case BPF_FUNC_ringbuf_output:
      return "ringbuf_output";
    case BPF_FUNC_loop:
      return "loop";
    default:
      return "helper#" + std::to_string(id);
  }
}

std::string map_name(const MapRef& map) {
  switch (map.kind) {
    case MapKind::kEvents:
      return "events";
    case MapKind::kLost:
      return "lost";
    case MapKind::kTold:
      return "told";
    case MapKind::kContainers:
      return "containers";
    case MapKind::kJudged:
      return "judged";
    case MapKind::kPassed:
      return "passed";
    case MapKind::kSenders:
      return "senders";
    case MapKind::kTasks:
      return "tasks";
    case MapKind::kTables:
      return "tables";
    case MapKind::kList:
      return "list '" + map.list + "' as " +
             std::string(to_string(map.list_kind));
  }
  return "";
}

class Disassembler {
 public:
  explicit Disassembler(const Program& program) : program_(program) {}

  std::string text() {
    name_targets();
    std::string result;
    for (std::size_t i = 0; i < program_.insns.size(); ++i) {
      if (const auto label = labels_.find(i); label != labels_.end()) {
        result += label->second + ":\n";
      }
      std::array<char, 24> index{};
      std::snprintf(index.data(), index.size(), "%5zu: ", i);
      result += index.data() + line(i) + '\n';
      if (is_wide(i)) ++i;
    }
    return result;
  }

 private:
  bool is_wide(std::size_t i) const {
    return program_.insns[i].code == (BPF_LD | BPF_DW | BPF_IMM);
  }
  static bool is_subprogram_call(const bpf_insn& insn) {
    return insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
  }
  static bool is_function_address(const bpf_insn& insn) {
    return insn.code == (BPF_LD | BPF_DW | BPF_IMM) &&
           insn.src_reg == BPF_PSEUDO_FUNC;
  }
  static bool is_jump(const bpf_insn& insn) {
    return BPF_CLASS(insn.code) == BPF_JMP && BPF_OP(insn.code) != BPF_CALL &&
           BPF_OP(insn.code) != BPF_EXIT;
  }
  std::size_t target(std::size_t i) const {
    const bpf_insn& insn = program_.insns[i];
    const std::int64_t distance = is_jump(insn) ? insn.off : insn.imm;
    return static_cast<std::size_t>(static_cast<std::int64_t>(i) + 1 +
                                    distance);
  }

  // In the order of the places, whatever jumps there.
  void name_targets() {
    for (std::size_t i = 0; i < program_.insns.size(); ++i) {
      const bpf_insn& insn = program_.insns[i];
      if (is_jump(insn) || is_subprogram_call(insn) ||
          is_function_address(insn)) {
        labels_[target(i)];
      }
      if (is_wide(i)) ++i;
    }
    std::size_t count = 0;
    for (auto& [place, name] : labels_) name = "L" + std::to_string(++count);
  }

  std::string line(std::size_t i) const {
    const bpf_insn& insn = program_.insns[i];
    switch (BPF_CLASS(insn.code)) {
      case BPF_LD:
        return wide(i);
      case BPF_LDX:
        return register_name(insn.dst_reg) + " = " + memory(insn, insn.src_reg);
      case BPF_ST:
        return memory(insn, insn.dst_reg) + " = " + number(insn.imm);
      case BPF_STX:
        return (BPF_MODE(insn.code) == BPF_ATOMIC ? "lock " : "") +
               memory(insn, insn.dst_reg) +
               (BPF_MODE(insn.code) == BPF_ATOMIC ? " += " : " = ") +
               register_name(insn.src_reg);
      case BPF_ALU:
      case BPF_ALU64:
        return alu(insn);
      default:
        return jump(i);
    }
  }

  std::string wide(std::size_t i) const {
    const bpf_insn& insn = program_.insns[i];
    const std::string assigned = register_name(insn.dst_reg) + " = ";
    for (const Relocation& relocation : program_.relocations) {
      if (relocation.insn == i) {
        return assigned + map_name(program_.maps[relocation.map]);
      }
    }
    if (is_function_address(insn)) {
      return assigned + "function " + labels_.at(target(i));
    }
    const auto low = static_cast<std::uint32_t>(insn.imm);
    const auto high = static_cast<std::uint32_t>(program_.insns[i + 1].imm);
    return assigned + hex(std::uint64_t{high} << 32 | low);
  }

  static std::string alu(const bpf_insn& insn) {
    const std::string dst = register_name(insn.dst_reg);
    const bool narrow = BPF_CLASS(insn.code) == BPF_ALU;
    if (narrow && BPF_OP(insn.code) == BPF_END) {
      return dst + " = be" + std::to_string(insn.imm) + " " + dst;
    }
    if (BPF_OP(insn.code) == BPF_NEG) return dst + " = -" + dst;
    const std::string right =
        BPF_SRC(insn.code) == BPF_X ? register_name(insn.src_reg)
        : narrow ? number(static_cast<std::uint32_t>(insn.imm))
                 : number(insn.imm);
    return (narrow ? "u32 " : "") + dst + " " +
           std::string(alu_operator(BPF_OP(insn.code))) + " " + right;
  }

  std::string jump(std::size_t i) const {
    const bpf_insn& insn = program_.insns[i];
    if (BPF_OP(insn.code) == BPF_EXIT) return "exit";
    if (is_subprogram_call(insn)) return "call " + labels_.at(target(i));
    if (BPF_OP(insn.code) == BPF_CALL) return "call " + function_name(insn.imm);
    std::string go = "goto " + labels_.at(target(i));
    if (BPF_OP(insn.code) == BPF_JA) return go;
    const std::string right = BPF_SRC(insn.code) == BPF_X
                                  ? register_name(insn.src_reg)
                                  : number(insn.imm);
    return "if " + register_name(insn.dst_reg) + " " +
           std::string(jump_operator(BPF_OP(insn.code))) + " " + right + " " +
           go;
  }

  const Program& program_;
  std::map<std::size_t, std::string> labels_;
};

}  // namespace

std::string disassemble(const Program& program) {
  return Disassembler(program).text();
}

}  // namespace bailiff::emit
