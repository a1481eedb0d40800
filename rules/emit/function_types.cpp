// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/function_types.h"

#include <linux/btf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace bailiff::emit {
namespace {

// Of a number, as arguments and results are.
constexpr std::uint32_t kNumberBytes = 8;

class Btf {
 public:
  Btf() { number_ = add_number(); }

  // Returns the type of a function that takes so many numbers.
  std::uint32_t add_function(std::string_view name, std::uint32_t arguments,
                             std::uint32_t linkage) {
    const std::uint32_t prototype =
        add(0, BTF_KIND_FUNC_PROTO, arguments, number_);
    for (std::uint32_t i = 0; i < arguments; ++i) {
      append(btf_param{.name_off = name_of("a" + std::to_string(i)),
                       .type = number_});
    }
    return add(name_of(name), BTF_KIND_FUNC, linkage, prototype);
  }

  std::vector<std::byte> bytes() const {
    const btf_header header = {
        .magic = BTF_MAGIC,
        .version = BTF_VERSION,
        .flags = 0,
        .hdr_len = sizeof(btf_header),
        .type_off = 0,
        .type_len = static_cast<__u32>(types_.size()),
        .str_off = static_cast<__u32>(types_.size()),
        .str_len = static_cast<__u32>(names_.size()),
    };
    std::string text(reinterpret_cast<const char*>(&header), sizeof header);
    text += types_;
    text += names_;
    std::vector<std::byte> bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
  }

 private:
  std::uint32_t add_number() {
    const std::uint32_t id =
        add(name_of("number"), BTF_KIND_INT, 0, kNumberBytes);
    append(std::uint32_t{kNumberBytes * 8});  // bits, and no flag: unsigned
    return id;
  }

  // Returns the type's id; ids are counted from 1.
  std::uint32_t add(std::uint32_t name, std::uint32_t kind, std::uint32_t count,
                    std::uint32_t type_or_size) {
    append(btf_type{
        .name_off = name, .info = kind << 24 | count, .size = type_or_size});
    return ++ids_;
  }

  std::uint32_t name_of(std::string_view name) {
    const auto offset = static_cast<std::uint32_t>(names_.size());
    names_ += name;
    names_ += '\0';
    return offset;
  }

  template <typename T>
  void append(const T& value) {
    types_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  std::string types_;
  std::string names_ = std::string(1, '\0');
  std::uint32_t ids_ = 0;
  std::uint32_t number_ = 0;
};

// Where a subprogram begins: what is called, or given to bpf_loop().
std::set<std::uint32_t> called(const Program& program) {
  std::set<std::uint32_t> found;
  for (std::uint32_t i = 0; i < program.insns.size(); ++i) {
    const bpf_insn& insn = program.insns[i];
    const bool call =
        insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
    const bool address = insn.code == (BPF_LD | BPF_DW | BPF_IMM) &&
                         insn.src_reg == BPF_PSEUDO_FUNC;
    if (call || address) {
      found.insert(i + static_cast<std::uint32_t>(insn.imm) + 1);
    }
    // Of a wide one, the second half is no instruction.
    if (insn.code == (BPF_LD | BPF_DW | BPF_IMM)) ++i;
  }
  return found;
}

}  // namespace

FunctionTypes function_types(const Program& program) {
  FunctionTypes types;
  if (program.functions.empty()) return types;
  Btf btf;
  const auto add = [&](std::uint32_t insn, std::string_view name,
                       std::uint32_t arguments, std::uint32_t linkage) {
    types.functions.push_back(
        {.insn_off = insn,
         .type_id = btf.add_function(name, arguments, linkage)});
  };
  add(0, "main", 0, BTF_FUNC_GLOBAL);
  for (const std::uint32_t insn : called(program)) {
    const auto own = std::find_if(
        program.functions.begin(), program.functions.end(),
        [&](const Function& function) { return function.insn == insn; });
    if (own == program.functions.end()) {
      add(insn, "part", 0, BTF_FUNC_STATIC);
    } else {
      add(insn, "function", own->arguments, BTF_FUNC_GLOBAL);
    }
  }
  types.btf = btf.bytes();
  return types;
}

}  // namespace bailiff::emit
