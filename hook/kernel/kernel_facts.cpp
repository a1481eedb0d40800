// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/kernel_facts.h"

#include <bpf/bpf.h>

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

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

// The offset of `path`, from member to member, in the structure of that name.
std::optional<std::int16_t> offset_of(const ::btf* types, const char* structure,
                                      std::span<const char* const> path) {
  const int found = ::btf__find_by_name_kind(types, structure, BTF_KIND_STRUCT);
  if (found < 0) return std::nullopt;
  Place place{static_cast<std::uint32_t>(found), 0};
  for (const char* name : path) {
    const auto next = member(types, place.type, name);
    if (!next) return std::nullopt;
    place = {next->type, place.offset + next->offset};
  }
  if (place.offset > std::numeric_limits<std::int16_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int16_t>(place.offset);
}

std::optional<KernelFacts> facts_of_types() {
  const Btf types(::btf__load_vmlinux_btf());
  if (!types) return std::nullopt;
  KernelFacts facts{.knows_sender = 1};
  facts.cast_to_kernel = ::btf__find_by_name_kind(
      types.get(), "bpf_cast_to_kern_ctx", BTF_KIND_FUNC);
  if (facts.cast_to_kernel < 0) return std::nullopt;
  const struct {
    std::int16_t& offset;
    const char* structure;
    std::vector<const char*> path;
  } places[] = {{facts.packet_sock, "sk_buff", {"sk"}},
                {facts.sock_socket, "sock", {"sk_socket"}},
                {facts.sock_owned, "sock", {"sk_lock", "owned"}},
                {facts.socket_file, "socket", {"file"}}};
  for (const auto& place : places) {
    const auto offset = offset_of(types.get(), place.structure, place.path);
    if (!offset) return std::nullopt;
    place.offset = *offset;
  }
  return facts;
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
  static const KernelFacts kFacts =
      tells_caller() ? facts_of_types().value_or(KernelFacts()) : KernelFacts();
  return kFacts;
}

emit::Program with_facts(emit::Program program, const KernelFacts& kernel) {
  for (const emit::FactUse& use : program.facts) {
    bpf_insn& insn = program.insns[use.insn];
    switch (use.fact) {
      case emit::KernelFact::kKnowsSender:
        insn.imm = kernel.knows_sender;
        break;
      case emit::KernelFact::kCastToKernel:
        insn.imm = kernel.cast_to_kernel;
        break;
      case emit::KernelFact::kPacketSock:
        insn.off = kernel.packet_sock;
        break;
      case emit::KernelFact::kSockSocket:
        insn.off = kernel.sock_socket;
        break;
      case emit::KernelFact::kSockOwned:
        insn.off = kernel.sock_owned;
        break;
      case emit::KernelFact::kSocketFile:
        insn.off = kernel.socket_file;
        break;
    }
  }
  program.facts.clear();
  return program;
}

}  // namespace bailiff::hook
