// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/kernel_facts.h"

#include <bpf/bpf.h>

#include <array>
#include <limits>
#include <string_view>

#include "hook/kernel/btf.h"
#include "oci/sys/unique_fd.h"
#include "rules/emit/instruction.h"

namespace bailiff::hook {
namespace {

constexpr std::uint32_t kBitsPerByte = 8;

struct Place {
  std::uint32_t type;
  std::uint32_t offset;  // bytes
};

// The member of that name in the structure, which may lie in an unnamed one.
std::optional<Place> member(const ::btf* types, std::uint32_t structure,
                            std::string_view name) {
  const int resolved = ::btf__resolve_type(types, structure);
  if (resolved < 0) return std::nullopt;
  const ::btf_type* type =
      ::btf__type_by_id(types, static_cast<std::uint32_t>(resolved));
  if (type == nullptr || !::btf_is_composite(type)) return std::nullopt;
  const ::btf_member* members = ::btf_members(type);
  for (std::uint16_t i = 0; i < ::btf_vlen(type); ++i) {
    const std::uint32_t offset =
        ::btf_member_bit_offset(type, i) / kBitsPerByte;
    const std::string_view each =
        ::btf__name_by_offset(types, members[i].name_off);
    if (each == name) return Place{members[i].type, offset};
    if (!each.empty()) continue;
    if (const auto found = member(types, members[i].type, name)) {
      return Place{found->type, offset + found->offset};
    }
  }
  return std::nullopt;
}

std::optional<std::int16_t> socket_owned() {
  const Btf types(::btf__load_vmlinux_btf());
  if (!types) return std::nullopt;
  const int sock =
      ::btf__find_by_name_kind(types.get(), "sock", BTF_KIND_STRUCT);
  if (sock < 0) return std::nullopt;
  const auto lock =
      member(types.get(), static_cast<std::uint32_t>(sock), "sk_lock");
  if (!lock) return std::nullopt;
  const auto owned = member(types.get(), lock->type, "owned");
  if (!owned) return std::nullopt;
  const std::uint32_t offset = lock->offset + owned->offset;
  if (offset > std::numeric_limits<std::int16_t>::max()) return std::nullopt;
  return static_cast<std::int16_t>(offset);
}

// Whether programs for frames may ask for the caller's cgroup.
bool tells_caller() {
  const std::array<bpf_insn, 4> insns = {
      emit::move(emit::kR1, 0),
      emit::call(BPF_FUNC_get_current_ancestor_cgroup_id),
      emit::move(emit::kR0, 0), emit::leave()};
  const UniqueFd program(::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS,
                                         "bailiff_caller", "Dual BSD/GPL",
                                         insns.data(), insns.size(), nullptr));
  return static_cast<bool>(program);
}

}  // namespace

const KernelFacts& kernel_facts() {
  static const KernelFacts facts = {
      .socket_owned = tells_caller() ? socket_owned() : std::nullopt};
  return facts;
}

emit::Program with_facts(emit::Program program, const KernelFacts& kernel) {
  for (const emit::FactUse& use : program.facts) {
    bpf_insn& insn = program.insns[use.insn];
    switch (use.fact) {
      case emit::KernelFact::kKnowsSender:
        insn.imm = kernel.socket_owned ? 1 : 0;
        break;
      case emit::KernelFact::kSocketOwned:
        insn.off = kernel.socket_owned.value_or(0);
        break;
    }
  }
  program.facts.clear();
  return program;
}

}  // namespace bailiff::hook
