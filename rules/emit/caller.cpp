// SPDX-License-Identifier: Apache-2.0
//
// What a pointer that the kernel has typed leads to is loaded as from a
// context: where it leads nowhere, 0 is loaded (BPF_PROBE_MEM).  The verifier
// follows no array of pointers whose length is not in its type, so cgroups
// above are read by bpf_probe_read_kernel().
#include "rules/emit/caller.h"

#include <linux/bpf.h>

#include "rules/abi/event.h"

namespace bailiff::emit {
namespace {

void load_task(Writer& code) {
  code.append(call(BPF_FUNC_get_current_task_btf));
}

// The 8 bytes to which r3 points, to `slot`, and from there into r3.
void read_pointer(Writer& code, int slot) {
  code.frame_address(kR1, slot);
  code.append(move(kR2, 8));
  code.append(call(BPF_FUNC_probe_read_kernel));
  code.append(load(Size::k64, kR3, kFrame, slot));
}

// r3 goes on by the offset.
void step(Writer& code, KernelFact offset) {
  code.append_with(alu(BPF_ADD, kR3, 0), offset);
}

}  // namespace

void load_caller_cgroup(Writer& code) {
  load_task(code);
  code.append_with(load(Size::k64, kR0, kR0, 0), KernelFact::kTaskCgroups);
  code.append_with(load(Size::k64, kR0, kR0, 0), KernelFact::kSetCgroup);
}

void load_cgroup_id(Writer& code) {
  code.append_with(load(Size::k64, kR0, kR0, 0), KernelFact::kCgroupNode);
  code.append_with(load(Size::k64, kR0, kR0, 0), KernelFact::kNodeId);
}

void read_ancestor_id(Writer& code, int cgroup, int level, int slot,
                      Label none) {
  code.append(load(Size::k64, kR3, kFrame, cgroup));
  code.append_with(load(Size::k32, kR1, kR3, 0), KernelFact::kCgroupLevel);
  code.jump(jump_if(Comparison::kLt, kR1, level), none);
  step(code, KernelFact::kCgroupAncestors);
  code.append(alu(BPF_ADD, kR3, 8 * level));
  read_pointer(code, slot);
  step(code, KernelFact::kCgroupNode);
  read_pointer(code, slot);
  step(code, KernelFact::kNodeId);
  read_pointer(code, slot);
}

void load_caller_ids(Writer& code) {
  load_task(code);
  code.append_with(load(Size::k32, kR1, kR0, 0), KernelFact::kTaskThread);
  code.append_with(load(Size::k32, kR0, kR0, 0), KernelFact::kTaskProcess);
  code.append(alu(BPF_LSH, kR0, 32));
  code.append(alu(BPF_OR, kR0, kR1));
}

void load_caller_user(Writer& code) {
  const Label known = code.new_label();
  load_task(code);
  code.append_with(load(Size::k64, kR1, kR0, 0), KernelFact::kTaskCred);
  // Never so, but the verifier may take it to be (__rcu).
  code.append(move(kR0, 0));
  code.jump(jump_if(Comparison::kEq, kR1, 0), known);
  code.append_with(load(Size::k32, kR0, kR1, 0), KernelFact::kCredGroup);
  code.append_with(load(Size::k32, kR1, kR1, 0), KernelFact::kCredUser);
  code.append(alu(BPF_LSH, kR0, 32));
  code.append(alu(BPF_OR, kR0, kR1));
  code.bind(known);
}

void read_caller_comm(Writer& code, int slot) {
  load_task(code);
  code.append(move(kR3, kR0));
  step(code, KernelFact::kTaskComm);
  code.frame_address(kR1, slot);
  code.append(move(kR2, BAILIFF_EVENT_COMM_LEN));
  code.append(call(BPF_FUNC_probe_read_kernel));
}

}  // namespace bailiff::emit
