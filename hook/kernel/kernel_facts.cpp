// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/kernel_facts.h"

#include <bpf/bpf.h>

#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "hook/kernel/btf.h"
#include "oci/sys/unique_fd.h"

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
  using enum emit::KernelFact;
  const Btf types(::btf__load_vmlinux_btf());
  if (!types) return std::nullopt;
  KernelFacts facts;
  facts[kKnowsSender] = 1;
  facts[kCastToKernel] = ::btf__find_by_name_kind(
      types.get(), "bpf_cast_to_kern_ctx", BTF_KIND_FUNC);
  if (facts[kCastToKernel] < 0) return std::nullopt;
  const struct {
    emit::KernelFact fact;
    const char* structure;
    std::vector<const char*> path;
  } places[] = {{kPacketSock, "sk_buff", {"sk"}},
                {kSockSocket, "sock", {"sk_socket"}},
                {kSockOwned, "sock", {"sk_lock", "owned"}},
                {kSocketFile, "socket", {"file"}},
                {kTaskCgroups, "task_struct", {"cgroups"}},
                {kTaskThread, "task_struct", {"pid"}},
                {kTaskProcess, "task_struct", {"tgid"}},
                {kTaskComm, "task_struct", {"comm"}},
                {kTaskCred, "task_struct", {"cred"}},
                {kCredUser, "cred", {"uid"}},
                {kCredGroup, "cred", {"gid"}},
                {kSetCgroup, "css_set", {"dfl_cgrp"}},
                {kCgroupNode, "cgroup", {"kn"}},
                {kCgroupLevel, "cgroup", {"level"}},
                {kCgroupAncestors, "cgroup", {"ancestors"}},
                {kNodeId, "kernfs_node", {"id"}}};
  for (const auto& place : places) {
    const auto offset = offset_of(types.get(), place.structure, place.path);
    if (!offset) return std::nullopt;
    facts[place.fact] = *offset;
  }
  return facts;
}

// Whether programs for frames may have all that.
bool can_be_used(const KernelFacts& facts) {
  const std::vector<bpf_insn> insns =
      with_facts(emit::emit_caller_probe(), facts).insns;
  const UniqueFd program(::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS,
                                         "bailiff_caller", "Dual BSD/GPL",
                                         insns.data(), insns.size(), nullptr));
  return static_cast<bool>(program);
}

}  // namespace

const KernelFacts& kernel_facts() {
  static const KernelFacts kFacts = [] {
    const auto facts = facts_of_types();
    return facts && can_be_used(*facts) ? *facts : KernelFacts();
  }();
  return kFacts;
}

emit::Program with_facts(emit::Program program, const KernelFacts& kernel) {
  for (const emit::FactUse& use : program.facts) {
    bpf_insn& insn = program.insns[use.insn];
    if (BPF_CLASS(insn.code) == BPF_LDX) {
      insn.off = static_cast<std::int16_t>(kernel[use.fact]);
    } else {
      insn.imm = kernel[use.fact];
    }
  }
  program.facts.clear();
  return program;
}

}  // namespace bailiff::hook
