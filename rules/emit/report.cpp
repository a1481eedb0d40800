// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/report.h"

#include <cstddef>
#include <utility>

#include "rules/abi/event.h"
#include "rules/abi/limits.h"
#include "rules/emit/dns_reader.h"
#include "rules/emit/hits.h"
#include "rules/emit/packet.h"

namespace bailiff::emit {
namespace {

#define RECORD_OFFSET(member) \
  (kRecordSlot + static_cast<int>(offsetof(bailiff_connect_event, member)))

std::int32_t record_size(const std::vector<KernelRule>& rules) {
  return names_hosts(rules) ? sizeof(bailiff_named_event)
                            : sizeof(bailiff_connect_event);
}

// Whose it is: cgroup and policy.
void fill_identity(Writer& code, const FlavourCode& flavour) {
  if (flavour.of_cgroup) {
    // Never null: the kernel allocates the storage with the attachment.
    code.load_map(kR1, {.kind = MapKind::kContainers, .list = {}});
    code.append(move(kR2, 0));
    code.append(call(BPF_FUNC_get_local_storage));
    code.append(load(Size::k64, kR0, kR0,
                     offsetof(bailiff_container_state, cgroup_id)));
  } else {
    code.append(move(kR1, kContext));
    code.append(call(BPF_FUNC_skb_cgroup_id));
    if (flavour.of_frame) {
      code.append(load(Size::k64, kR1, kFrame, kSenderSlot));
      load_mask(code, kR2, kR1);
      code.append(alu(BPF_XOR, kR2, -1));
      code.append(alu(BPF_AND, kR0, kR2));
      code.append(alu(BPF_OR, kR0, kR1));
    }
  }
  code.append(store(Size::k64, kFrame, RECORD_OFFSET(header.cgroup_id), kR0));
  code.load_constant(kR1, flavour.policy_id);
  code.append(store(Size::k64, kFrame, RECORD_OFFSET(header.policy_id), kR1));
}

void fill_local_end(Writer& code, const FlavourCode& flavour) {
  // Nobody's name: the address is where that would be.
  for (int i = 0; i < 16; i += 8) {
    code.append(load(Size::k64, kR1, kFrame, flavour.local->slot + i));
    code.append(
        store(Size::k64, kFrame, RECORD_OFFSET(header.local_be) + i, kR1));
  }
  flavour.load_number(code, Number::kLocalPort, kR1);
  code.append(store(Size::k16, kFrame, RECORD_OFFSET(header.local_port), kR1));
  code.append(load(Size::k32, kR1, kFrame, flavour.local->family_slot));
  code.append(store(Size::k8, kFrame, RECORD_OFFSET(header.local_family), kR1));
}

// Over what was loaded of the event, which is why it comes last.
void fill_names(Writer& code) {
  constexpr int kNames =
      kRecordSlot + int{offsetof(bailiff_named_event, names)};
  static_assert(kRecordSlot + int{sizeof(bailiff_named_event)} <= kZeroSlot);
  for (int i = 0; i < BAILIFF_DNS_NAMES; ++i) {
    code.append(load(Size::k64, kR1, kFrame, kNamesSlot + 16 * i));
    code.append(store(Size::k64, kFrame, kNames + 8 * i, kR1));
  }
}

// Writes what all records of this operation have in common.
void fill_record(Writer& code, const std::vector<KernelRule>& rules,
                 const FlavourCode& flavour) {
  code.append(
      store(Size::k32, kFrame, RECORD_OFFSET(header.size), record_size(rules)));
  code.append(store(Size::k16, kFrame, RECORD_OFFSET(header.kind),
                    BAILIFF_EVENT_CONNECT));
  code.append(store(Size::k8, kFrame, RECORD_OFFSET(header.verdict), kVerdict));
  code.append(call(BPF_FUNC_ktime_get_ns));
  code.append(store(Size::k64, kFrame, RECORD_OFFSET(header.time_ns), kR0));

  fill_identity(code, flavour);

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
  // And what is behind it, of the same 4 bytes.
  code.append(store(Size::k32, kFrame, RECORD_OFFSET(header.local_port), 0));

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
  code.append(store(Size::k32, kFrame, RECORD_OFFSET(hook), flavour.hook));
  if (names_hosts(rules)) {
    code.append(load(Size::k64, kR1, kFrame, BAILIFF_WALK(names.held)));
  } else {
    code.append(move(kR1, 0));
  }
  code.append(store(Size::k64, kFrame, RECORD_OFFSET(name), kR1));
  if (flavour.hook == BAILIFF_HOOK_INGRESS) fill_local_end(code, flavour);
  if (flavour.hook == BAILIFF_HOOK_CONNECT ||
      flavour.hook == BAILIFF_HOOK_SENDMSG) {
    flavour.load_number(code, Number::kBoundPort, kR1);
    code.append(
        store(Size::k16, kFrame, RECORD_OFFSET(header.local_port), kR1));
  }
  if (names_hosts(rules)) fill_names(code);
}

// Calls the subprogram for one rule.
void send_record(Writer& code, const KernelRule& rule, bool by_task,
                 Label subprogram) {
  code.append(store(Size::k32, kFrame, RECORD_OFFSET(header.rule),
                    static_cast<std::int32_t>(rule.rule)));
  if (by_task && !rule.candidate) {
    code.append(load(Size::k64, kR1, kFrame, kTaskFlagsSlot));
    code.append(store(Size::k8, kFrame, RECORD_OFFSET(header.flags), kR1));
  } else {
    code.append(store(Size::k8, kFrame, RECORD_OFFSET(header.flags),
                      rule.candidate ? BAILIFF_EVENT_CANDIDATE : 0));
  }
  code.frame_address(kR1, kRecordSlot);
  code.jump(call_subprogram(), subprogram);
}

#define EVENT_OFFSET(member) \
  static_cast<int>(offsetof(bailiff_connect_event, member))
#define STATE_OFFSET(member) \
  static_cast<int>(offsetof(bailiff_container_state, member))

// A field of the record, and of what was told last.
struct Remembered {
  Size size;
  int event;
  int told;
};

// r3 = 0 if the record at r6 says what was told last, at r0, and is one that
// need not be told again: of what was refused for good.  What was allowed, and
// what the service has to decide, is told each time.
//
// Differences are gathered without jumps: the verifier follows this once for
// each rule, and 8192 jumps are as many as it has in mind at a time.
template <std::size_t kFields>
void gather_differences(Writer& code, const Remembered (&fields)[kFields]) {
  code.append(load(Size::k8, kR3, kR6, EVENT_OFFSET(header.verdict)));
  code.append(alu(BPF_XOR, kR3, BAILIFF_VERDICT_DENIED));
  code.append(load(Size::k8, kR1, kR6, EVENT_OFFSET(header.flags)));
  code.append(alu(BPF_OR, kR3, kR1));
  for (const Remembered& same : fields) {
    code.append(load(same.size, kR1, kR6, same.event));
    code.append(load(same.size, kR2, kR0, same.told));
    code.append(alu(BPF_XOR, kR1, kR2));
    code.append(alu(BPF_OR, kR3, kR1));
  }
}

// Goes to `told` when r3 is 0 and what was told last, at r0, was told just now.
void branch_told(Writer& code, int told_ns, Label told) {
  const Label news = code.new_label();
  code.append(load(Size::k64, kR1, kR6, EVENT_OFFSET(header.time_ns)));
  code.append(load(Size::k64, kR2, kR0, told_ns));
  code.append(alu(BPF_SUB, kR1, kR2));
  code.load_constant(kR2, BAILIFF_REPEAT_NS);
  code.jump(jump_if(Comparison::kGt, kR1, kR2), news);
  code.jump(jump_if(Comparison::kEq, kR3, 0), told);
  code.bind(news);
}

// By what the container's storage has of it.
void skip_told_by_storage(Writer& code, const FlavourCode& flavour,
                          Label told) {
  // Who connects to a port again does so from another one.
  const int port = flavour.hook == BAILIFF_HOOK_INGRESS
                       ? EVENT_OFFSET(header.local_port)
                       : EVENT_OFFSET(port);
  const Remembered fields[] = {
      {Size::k64, EVENT_OFFSET(addr_be), STATE_OFFSET(told_addr_be)},
      {Size::k64, EVENT_OFFSET(addr_be) + 8, STATE_OFFSET(told_addr_be) + 8},
      {Size::k32, EVENT_OFFSET(header.rule), STATE_OFFSET(told_rule)},
      {Size::k32, EVENT_OFFSET(header.tgid), STATE_OFFSET(told_tgid)},
      {Size::k16, port, STATE_OFFSET(told_port)},
      {Size::k8, EVENT_OFFSET(l4proto), STATE_OFFSET(told_l4proto)},
      {Size::k8, EVENT_OFFSET(header.verdict), STATE_OFFSET(told_verdict)},
      {Size::k32, EVENT_OFFSET(name), STATE_OFFSET(told_name)},
  };
  code.load_map(kR1, {.kind = MapKind::kContainers, .list = {}});
  code.append(move(kR2, 0));
  code.append(call(BPF_FUNC_get_local_storage));
  gather_differences(code, fields);
  branch_told(code, STATE_OFFSET(told_ns), told);
  for (const Remembered& same : fields) {
    code.append(load(same.size, kR1, kR6, same.event));
    code.append(store(same.size, kR0, same.told, kR1));
  }
  code.append(load(Size::k64, kR1, kR6, EVENT_OFFSET(header.time_ns)));
  code.append(store(Size::k64, kR0, STATE_OFFSET(told_ns), kR1));
}

// By the last record of the cgroup and the address.
void skip_told_by_record(Writer& code, Label told) {
  constexpr int kKey = -int{sizeof(bailiff_told_key)} - 8;
  constexpr Remembered kSame[] = {
      {Size::k64, EVENT_OFFSET(header.policy_id),
       EVENT_OFFSET(header.policy_id)},
      {Size::k32, EVENT_OFFSET(header.rule), EVENT_OFFSET(header.rule)},
      {Size::k16, EVENT_OFFSET(port), EVENT_OFFSET(port)},
      {Size::k8, EVENT_OFFSET(l4proto), EVENT_OFFSET(l4proto)},
      {Size::k8, EVENT_OFFSET(header.verdict), EVENT_OFFSET(header.verdict)},
      {Size::k64, EVENT_OFFSET(name), EVENT_OFFSET(name)},
  };
  const Label news = code.new_label();
  const auto load_map_and_key = [&] {
    code.load_map(kR1, {.kind = MapKind::kTold, .list = {}});
    code.frame_address(kR2, kKey);
  };
  const std::pair<int, int> key[] = {
      {EVENT_OFFSET(header.cgroup_id), offsetof(bailiff_told_key, cgroup_id)},
      {EVENT_OFFSET(addr_be), offsetof(bailiff_told_key, addr_be)},
      {EVENT_OFFSET(addr_be) + 8, offsetof(bailiff_told_key, addr_be) + 8}};
  for (const auto& [event, place] : key) {
    code.append(load(Size::k64, kR1, kR6, event));
    code.append(store(Size::k64, kFrame, kKey + place, kR1));
  }
  load_map_and_key();
  code.append(call(BPF_FUNC_map_lookup_elem));
  code.jump(jump_if(Comparison::kEq, kR0, 0), news);
  gather_differences(code, kSame);
  // What the kernel repeats is nobody's, and no news.
  code.append(load(Size::k32, kR1, kR6, EVENT_OFFSET(header.tgid)));
  code.append(load(Size::k32, kR2, kR0, EVENT_OFFSET(header.tgid)));
  code.append(alu(BPF_XOR, kR2, kR1));
  load_mask(code, kR4, kR1);
  code.append(alu(BPF_AND, kR2, kR4));
  code.append(alu(BPF_OR, kR3, kR2));
  branch_told(code, EVENT_OFFSET(header.time_ns), told);
  code.bind(news);
  load_map_and_key();
  code.append(move(kR3, kR6));
  code.append(move(kR4, BPF_ANY));
  code.append(call(BPF_FUNC_map_update_elem));
}

// Goes to `told` when what was refused last is what the record at r6 says, and
// was told just now; otherwise notes it down.
void skip_repeated(Writer& code, const FlavourCode& flavour, Label told) {
  if (flavour.of_cgroup) {
    skip_told_by_storage(code, flavour, told);
  } else {
    skip_told_by_record(code, told);
  }
}

#undef EVENT_OFFSET
#undef STATE_OFFSET

// r1: the record.  A frame of its own.
void emit_record_subprogram(Writer& code, const FlavourCode& flavour,
                            std::int32_t size) {
  constexpr int kKey = -4;
  const Label sent = code.new_label();
  code.append(move(kR6, kR1));
  skip_repeated(code, flavour, sent);
  code.append(move(kR2, kR6));
  code.load_map(kR1, {.kind = MapKind::kEvents, .list = {}});
  code.append(move(kR3, size));
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

void finish_and_report(Writer& code, const std::vector<KernelRule>& rules,
                       const FlavourCode& flavour) {
  const Label allow = code.new_label();
  const Label subprogram = code.new_label();

  branch_no_hit(code, rules, allow);
  if (flavour.confirm != nullptr) flavour.confirm(code, flavour, allow);
  emit_verdict(code, rules, flavour.by_task);
  if (flavour.settle != nullptr) flavour.settle(code, flavour);
  if (flavour.by_task != nullptr) {
    // fill_record() writes over it.
    code.append(load(Size::k64, kR1, kFrame, kTaskUnknownSlot));
    code.append(store(Size::k64, kFrame, kTaskFlagsSlot, kR1));
  }
  fill_record(code, rules, flavour);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i % 64 == 0) load_hits(code, rules, i / 64);
    const Label next = code.new_label();
    branch_not_hit(code, i, next);
    const bool by_task = flavour.by_task != nullptr && (*flavour.by_task)[i];
    send_record(code, rules[i], by_task, subprogram);
    code.bind(next);
  }
  // Not by a jump: where one depends on a number from before the calls of the
  // subprogram, the verifier of Linux 6.1 takes every number before them to
  // matter, and looks at the program once for each combination of hits.
  static_assert(BAILIFF_VERDICT_ALLOWED == 0 && BAILIFF_VERDICT_DENIED == 1);
  code.append(move(kR0, kVerdict));
  code.append(alu(BPF_XOR, kR0, 1));
  if (flavour.pass != 1 || flavour.refuse != 0) {
    code.append(alu(BPF_MUL, kR0, flavour.pass - flavour.refuse));
    code.append(alu(BPF_ADD, kR0, flavour.refuse));
  }
  code.exit();
  code.bind(allow);
  if (flavour.passed != nullptr) flavour.passed(code, flavour);
  code.append(move(kR0, flavour.pass));
  code.exit();
  code.bind(subprogram);
  emit_record_subprogram(code, flavour, record_size(rules));
}

}  // namespace bailiff::emit
