// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/sock_addr.h"

#include <cstddef>

#include "rules/abi/event.h"
#include "rules/emit/hits.h"

namespace bailiff::emit {
namespace {

void load_pid(Writer& code) {
  if (!code.begin_load(kLoadedPid)) return;
  code.append(call(BPF_FUNC_get_current_pid_tgid));
  code.append(store(Size::k64, kFrame, kPidSlot, kR0));
}

void load_uid(Writer& code) {
  if (!code.begin_load(kLoadedUid)) return;
  code.append(call(BPF_FUNC_get_current_uid_gid));
  code.append(store(Size::k64, kFrame, kUidSlot, kR0));
}

void load_upper(Writer& code, Register dst, int slot) {
  code.append(load(Size::k64, dst, kFrame, slot));
  code.append(alu(BPF_RSH, dst, 32));
}

// The lower 32 bits, in either byte order.
void load_lower(Writer& code, Register dst, int slot) {
  code.append(load(Size::k64, dst, kFrame, slot));
  code.append(move32(dst, dst));
}

#define RECORD_OFFSET(member) \
  (kRecordSlot + static_cast<int>(offsetof(bailiff_connect_event, member)))

// Writes what all records of this operation have in common.
void fill_record(Writer& code, const FlavourCode& flavour) {
  code.append(store(Size::k32, kFrame, RECORD_OFFSET(header.size),
                    sizeof(bailiff_connect_event)));
  code.append(store(Size::k16, kFrame, RECORD_OFFSET(header.kind),
                    BAILIFF_EVENT_CONNECT));
  code.append(store(Size::k8, kFrame, RECORD_OFFSET(header.verdict), kVerdict));
  code.append(call(BPF_FUNC_ktime_get_ns));
  code.append(store(Size::k64, kFrame, RECORD_OFFSET(header.time_ns), kR0));

  // Never null: the kernel allocates the storage with the attachment.
  code.load_map(kR1, {.kind = MapKind::kContainers, .list = {}});
  code.append(move(kR2, 0));
  code.append(call(BPF_FUNC_get_local_storage));
  code.append(
      load(Size::k64, kR1, kR0, offsetof(bailiff_container_state, cgroup_id)));
  code.append(store(Size::k64, kFrame, RECORD_OFFSET(header.cgroup_id), kR1));
  code.append(
      load(Size::k64, kR1, kR0, offsetof(bailiff_container_state, policy_id)));
  code.append(store(Size::k64, kFrame, RECORD_OFFSET(header.policy_id), kR1));

  const struct {
    Number number;
    int offset;
  } numbers[] = {
      {Number::kPid, RECORD_OFFSET(header.tgid)},
      {Number::kTid, RECORD_OFFSET(header.tid)},
      {Number::kUid, RECORD_OFFSET(header.uid)},
      {Number::kGid, RECORD_OFFSET(header.gid)},
  };
  for (const auto& [number, offset] : numbers) {
    flavour.load_number(code, number, kR1);
    code.append(store(Size::k32, kFrame, offset, kR1));
  }
  code.append(store(Size::k32, kFrame, RECORD_OFFSET(header.reserved), 0));

  if (code.begin_load(kLoadedComm)) flavour.load_comm(code);
  if (code.begin_load(kLoadedAddress)) flavour.load_address(code);
  for (int i = 0; i < 16; i += 8) {
    code.append(load(Size::k64, kR1, kFrame, kCommSlot + i));
    code.append(store(Size::k64, kFrame, RECORD_OFFSET(header.comm) + i, kR1));
    code.append(load(Size::k64, kR1, kFrame, kAddressSlot + i));
    code.append(store(Size::k64, kFrame, RECORD_OFFSET(addr_be) + i, kR1));
  }
  flavour.load_number(code, Number::kPort, kR1);
  code.append(store(Size::k16, kFrame, RECORD_OFFSET(port), kR1));
  flavour.load_number(code, Number::kL4proto, kR1);
  code.append(store(Size::k8, kFrame, RECORD_OFFSET(l4proto), kR1));
  if (flavour.family) {
    code.append(
        store(Size::k8, kFrame, RECORD_OFFSET(family), *flavour.family));
  } else {
    code.append(store(Size::k8, kFrame, RECORD_OFFSET(family), kFamily));
  }
  code.append(store(Size::k32, kFrame, RECORD_OFFSET(reserved), 0));
}

// Calls the subprogram for one rule.
void send_record(Writer& code, const KernelRule& rule, Label subprogram) {
  code.append(store(Size::k32, kFrame, RECORD_OFFSET(header.rule),
                    static_cast<std::int32_t>(rule.rule)));
  code.append(store(Size::k8, kFrame, RECORD_OFFSET(header.flags),
                    rule.candidate ? BAILIFF_EVENT_CANDIDATE : 0));
  code.frame_address(kR1, kRecordSlot);
  code.jump(call_subprogram(), subprogram);
}

// r1: the record.  A frame of its own.
void emit_record_subprogram(Writer& code) {
  constexpr int kKey = -4;
  const Label sent = code.new_label();
  code.append(move(kR2, kR1));
  code.load_map(kR1, {.kind = MapKind::kEvents, .list = {}});
  code.append(move(kR3, sizeof(bailiff_connect_event)));
  code.append(move(kR4, 0));
  code.append(call(BPF_FUNC_ringbuf_output));
  code.jump(jump_if(Comparison::kEq, kR0, 0), sent);

  code.append(store(Size::k32, kFrame, kKey, 0));
  code.frame_address(kR2, kKey);
  code.load_map(kR1, {.kind = MapKind::kLost, .list = {}});
  code.append(call(BPF_FUNC_map_lookup_elem));
  code.jump(jump_if(Comparison::kEq, kR0, 0), sent);
  // Atomic: connect(2) can be preempted between the read and the write.
  code.append(move(kR1, 1));
  code.append(atomic_add(kR0, 0, kR1));
  code.bind(sent);
  code.append(move(kR0, 0));
  code.exit();
}

#undef RECORD_OFFSET

}  // namespace

void load_sock_addr_comm(Writer& code) {
  // Zero behind its end, as the kernel copies it with strscpy_pad().
  code.frame_address(kR1, kCommSlot);
  code.append(move(kR2, BAILIFF_EVENT_COMM_LEN));
  code.append(call(BPF_FUNC_get_current_comm));
}

void load_sock_addr_number(Writer& code, Number number, Register dst) {
  switch (number) {
    case Number::kPort:
      // 16 bits as they lie in the sockaddr, zero-extended.
      code.append(
          load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, user_port)));
      code.append(from_network_order(dst, 16));
      return;
    case Number::kL4proto:
      code.append(
          load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, protocol)));
      return;
    case Number::kPid:
      load_pid(code);
      load_upper(code, dst, kPidSlot);
      return;
    case Number::kTid:
      load_pid(code);
      load_lower(code, dst, kPidSlot);
      return;
    case Number::kUid:
      load_uid(code);
      load_lower(code, dst, kUidSlot);
      return;
    case Number::kGid:
      load_uid(code);
      load_upper(code, dst, kUidSlot);
      return;
  }
}

void load_sock_addr_unknown(Writer& code, Register dst) {
  code.append(
      load(Size::k32, dst, kContext, offsetof(bpf_sock_addr, protocol)));
}

void finish_connect(Writer& code, const std::vector<KernelRule>& rules,
                    const FlavourCode& flavour) {
  const Label allow = code.new_label();
  const Label subprogram = code.new_label();

  branch_no_hit(code, rules, allow);
  emit_verdict(code, rules);
  fill_record(code, flavour);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i % 64 == 0) load_hits(code, rules, i / 64);
    const Label next = code.new_label();
    branch_not_hit(code, i, next);
    send_record(code, rules[i], subprogram);
    code.bind(next);
  }
  // Not by a jump: where one depends on a number from before the calls of the
  // subprogram, the verifier of Linux 6.1 takes every number before them to
  // matter, and looks at the program once for each combination of hits.
  static_assert(BAILIFF_VERDICT_ALLOWED == 0 && BAILIFF_VERDICT_DENIED == 1);
  code.append(move(kR0, kVerdict));
  code.append(alu(BPF_XOR, kR0, 1));
  code.exit();
  code.bind(allow);
  code.append(move(kR0, 1));
  code.exit();
  code.bind(subprogram);
  emit_record_subprogram(code);
}

}  // namespace bailiff::emit
