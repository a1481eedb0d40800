// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/program.h"

#include <algorithm>
#include <set>
#include <string>

#include "rules/abi/limits.h"
#include "rules/base/digest.h"
#include "rules/emit/answer.h"
#include "rules/emit/caller.h"
#include "rules/emit/check.h"
#include "rules/emit/condition.h"
#include "rules/emit/dns_reader.h"
#include "rules/emit/flavour.h"
#include "rules/emit/hits.h"
#include "rules/emit/list_code.h"
#include "rules/emit/passed.h"
#include "rules/emit/query.h"
#include "rules/emit/task_table.h"
#include "rules/emit/writer.h"
#include "rules/lower/connect.h"
#include "rules/lower/fold.h"
#include "rules/lower/inbound.h"
#include "rules/lower/ip_socket.h"

namespace bailiff::emit {
namespace {

bool (*decidable_in(Flavour flavour))(const Check&) {
  switch (flavour) {
    case Flavour::kConnect4:
    case Flavour::kConnect6:
    case Flavour::kSendmsg4:
    case Flavour::kSendmsg6:
    case Flavour::kSetsockopt:  // judges by no rule
      return decidable_at_connect;
    case Flavour::kTest:
      return [](const Check& check) {
        return decidable_at_connect(check) || decidable_of_arrival(check);
      };
    case Flavour::kEgress:
    case Flavour::kFrame:
    case Flavour::kBareFrame:
      return decidable_of_packet;
    case Flavour::kIngress:
      return decidable_of_arrival;
    case Flavour::kPostBind4:
    case Flavour::kPostBind6:
      return decidable_at_bind;
    case Flavour::kSockCreate:
      return [](const Check& check) {
        // Of the family it is made for.
        return check.field == FieldId::kFdTypechar ||
               decidable_at_socket(check);
      };
    case Flavour::kQuery:
    case Flavour::kFrameQuery:
    case Flavour::kBareFrameQuery:
    case Flavour::kAnswer:
      break;
  }
  return decidable_of_query;
}

// Whether its events are those of a process that may have bits.
bool knows_task(Flavour flavour) {
  switch (flavour) {
    case Flavour::kConnect4:
    case Flavour::kConnect6:
    case Flavour::kSendmsg4:
    case Flavour::kSendmsg6:
    case Flavour::kPostBind4:
    case Flavour::kPostBind6:
    case Flavour::kSockCreate:
      return true;
    case Flavour::kEgress:
    case Flavour::kFrame:
    case Flavour::kBareFrame:
    case Flavour::kQuery:
    case Flavour::kFrameQuery:
    case Flavour::kBareFrameQuery:
    case Flavour::kAnswer:
    case Flavour::kIngress:
    case Flavour::kSetsockopt:
    case Flavour::kTest:
      return false;
  }
  return false;
}

Expr without_bits(const Expr& condition, const std::vector<List>& lists) {
  return over_approximate(condition, [&lists](const Check& check) {
    return task_check(check, lists).has_value();
  });
}

Status check_rules(const std::vector<KernelRule>& rules,
                   const std::vector<List>& lists, Flavour flavour,
                   const TaskTable* tasks) {
  if (flavour == Flavour::kSetsockopt) {
    return Error{.code = Code::kInvalidArgument,
                 .message = "no rule can be judged in 'setsockopt'"};
  }
  if (rules.size() > BAILIFF_MAX_PROGRAM_RULES) {
    return Error{.code = Code::kExhausted,
                 .message = std::to_string(rules.size()) +
                            " rules in one program, more than " +
                            std::to_string(BAILIFF_MAX_PROGRAM_RULES)};
  }
  const auto decidable = decidable_in(flavour);
  for (const KernelRule& rule : rules) {
    for (const Leaf& leaf : leaves_of(rule.condition)) {
      const Field& one = field(leaf.fields.front());
      if (leaf.check != nullptr && decidable(*leaf.check)) continue;
      if (leaf.check != nullptr && tasks != nullptr &&
          task_check(*leaf.check, lists)) {
        continue;
      }
      return Error{.code = Code::kInvalidArgument,
                   .message = "rule " + std::to_string(rule.rule) +
                              ": the check of '" + std::string(one.name) +
                              "' cannot be made in '" +
                              std::string(to_string(flavour)) + "'"};
    }
  }
  return Ok{};
}

// A note has none, and a raw socket sends from any.
bool asks_local_port(const std::vector<KernelRule>& rules) {
  return std::any_of(rules.begin(), rules.end(), [](const KernelRule& rule) {
    const std::vector<Leaf> leaves = leaves_of(rule.condition);
    return std::any_of(leaves.begin(), leaves.end(), [](const Leaf& leaf) {
      return leaf.check != nullptr && leaf.check->field == FieldId::kFdLport;
    });
  });
}

bool asks_names(Flavour flavour) {
  return flavour == Flavour::kQuery || flavour == Flavour::kFrameQuery ||
         flavour == Flavour::kBareFrameQuery;
}

// With more rules than this, values are loaded before the first one.  Loading
// each where it is first needed saves time while few rules decide; past some
// rules every value is needed anyway, and what differs from way to way makes
// the verifier look at each rule once for every combination.
constexpr std::size_t kLazyRules = 8;
// With more look-ups than this, each list is asked once, before the first rule,
// by calling a function.  A look-up is many instructions, which the verifier
// would go through for each rule that asks; and rules that share a macro ask
// for the same list.
constexpr std::size_t kLazyLookUps = 8;

bool is_address(FieldId id) {
  const FieldType type = field(id).type;
  return type == FieldType::kAddress || type == FieldType::kNetwork;
}

void load_value(const Target& target, FieldId id) {
  const auto load_number = [&](Number number) {
    target.flavour.load_number(target.code, number, kR1);
  };
  const bool family = !target.flavour.family &&
                      (id == FieldId::kFdType || id == FieldId::kFdTypechar);
  if (is_address(id) || family) {
    if (target.code.begin_load(kLoadedAddress)) {
      target.flavour.load_address(target.code);
    }
    if (target.code.begin_load(kLoadedZero)) {
      target.code.append(store(Size::k32, kFrame, kZeroSlot, 0));
    }
  } else if (id == FieldId::kProcName) {
    if (target.code.begin_load(kLoadedComm)) {
      target.flavour.load_comm(target.code);
    }
  } else if (id == FieldId::kProcPid || id == FieldId::kThreadTid ||
             id == FieldId::kThreadIsmain) {
    load_number(Number::kPid);
  } else if (id == FieldId::kUserUid || id == FieldId::kGroupGid) {
    load_number(Number::kUid);
  }
}

void load_values(const Target& target, const std::vector<KernelRule>& rules) {
  std::set<FieldId> fields;
  std::vector<const Check*> of_lists;
  std::size_t look_ups = 0;
  for (const KernelRule& rule : rules) {
    for (const Leaf& leaf : leaves_of(rule.condition)) {
      fields.insert(leaf.fields.begin(), leaf.fields.end());
      const Check* check = leaf.check;
      if (!is_address(check->field) || check->lists.empty()) continue;
      of_lists.push_back(check);
      look_ups += check->lists.size();
    }
  }
  // What a packet says is read once: it takes calls, every rule needs it, and
  // kPacketSlot is the record's later.
  const bool packet = target.flavour.hook == BAILIFF_HOOK_EGRESS ||
                      target.flavour.hook == BAILIFF_HOOK_FRAME ||
                      target.flavour.hook == BAILIFF_HOOK_INGRESS;
  if (rules.size() > kLazyRules || packet) {
    for (const FieldId id : fields) load_value(target, id);
  }
  if (look_ups > kLazyLookUps) {
    target.look_ups.as_functions = true;
    emit_list_answers(target, of_lists);
  }
}

// Fills kRawSlot where a rule is about raw sockets; where all are, the rest is
// for their packets alone.
void find_raw(Writer& code, const FlavourCode& flavour,
              const std::vector<KernelRule>& rules) {
  const auto is_raw = [](const KernelRule& rule) { return rule.raw; };
  if (std::none_of(rules.begin(), rules.end(), is_raw)) return;
  flavour.find_raw(code, flavour);
  const bool all = std::all_of(rules.begin(), rules.end(), is_raw);
  const Label judge = code.new_label();
  code.append(load(Size::k64, kR1, kFrame, kRawSlot));
  if (all) {
    code.jump(jump_if(Comparison::kNe, kR1, 0), judge);
    if (flavour.passed != nullptr) flavour.passed(code, flavour);
    code.append(move(kR0, flavour.pass));
    code.exit();
    code.bind(judge);
    return;
  }
  // Plus 0, of which the verifier knows nothing: it would look at the rest once
  // for each of the two.
  flavour.load_unknown(code, kR2);
  flavour.load_unknown(code, kR3);
  code.append(alu(BPF_SUB, kR2, kR3));
  code.append(alu(BPF_ADD, kR1, kR2));
  code.append(store(Size::k64, kFrame, kRawSlot, kR1));
}

void append_number(std::string& text, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) {
    text += static_cast<char>(number >> (8 * i) & 0xff);
  }
}

}  // namespace

std::string_view to_string(Flavour flavour) {
  switch (flavour) {
    case Flavour::kConnect4:
      return "connect4";
    case Flavour::kConnect6:
      return "connect6";
    case Flavour::kSendmsg4:
      return "sendmsg4";
    case Flavour::kSendmsg6:
      return "sendmsg6";
    case Flavour::kEgress:
      return "egress";
    case Flavour::kFrame:
      return "frame";
    case Flavour::kBareFrame:
      return "bareframe";
    case Flavour::kSetsockopt:
      return "setsockopt";
    case Flavour::kQuery:
      return "query";
    case Flavour::kFrameQuery:
      return "framequery";
    case Flavour::kBareFrameQuery:
      return "barequery";
    case Flavour::kIngress:
      return "ingress";
    case Flavour::kPostBind4:
      return "post_bind4";
    case Flavour::kPostBind6:
      return "post_bind6";
    case Flavour::kSockCreate:
      return "sock_create";
    case Flavour::kAnswer:
      return "answer";
    case Flavour::kTest:
      return "test";
  }
  return "";
}

std::string_view to_string(ListKind kind) {
  switch (kind) {
    case ListKind::kAddress4:
      return "addr4";
    case ListKind::kAddress6:
      return "addr6";
    case ListKind::kNetwork4:
      return "net4";
    case ListKind::kNetwork6:
      return "net6";
    case ListKind::kNames:
      return "names";
  }
  return "";
}

Flavour flavour_of(HookPoint hook) {
  switch (hook) {
    case HookPoint::kConnect4:
      return Flavour::kConnect4;
    case HookPoint::kConnect6:
      return Flavour::kConnect6;
    case HookPoint::kSendmsg4:
      return Flavour::kSendmsg4;
    case HookPoint::kSendmsg6:
      return Flavour::kSendmsg6;
    case HookPoint::kEgress:
      return Flavour::kEgress;
    case HookPoint::kFrame:
      return Flavour::kFrame;
    case HookPoint::kIngress:
      return Flavour::kIngress;
    case HookPoint::kPostBind4:
      return Flavour::kPostBind4;
    case HookPoint::kPostBind6:
      return Flavour::kPostBind6;
    case HookPoint::kSockCreate:
      return Flavour::kSockCreate;
    case HookPoint::kExec:  // judged by no program
    case HookPoint::kQuery:
      return Flavour::kQuery;
    case HookPoint::kAnswer:
      break;
  }
  return Flavour::kAnswer;
}

const FlavourCode& flavour_code(Flavour flavour) {
  switch (flavour) {
    case Flavour::kConnect4:
      return connect4_code();
    case Flavour::kConnect6:
      return connect6_code();
    case Flavour::kSendmsg4:
      return sendmsg4_code();
    case Flavour::kSendmsg6:
      return sendmsg6_code();
    case Flavour::kEgress:
      return egress_code();
    case Flavour::kQuery:
      return query_code();
    case Flavour::kIngress:
      return ingress_code();
    case Flavour::kPostBind4:
      return post_bind4_code();
    case Flavour::kPostBind6:
      return post_bind6_code();
    case Flavour::kSockCreate:
      return sock_create_code();
    case Flavour::kFrame:
      return frame_code();
    case Flavour::kBareFrame:
      return bare_frame_code();
    case Flavour::kFrameQuery:
      return frame_query_code();
    case Flavour::kBareFrameQuery:
      return bare_frame_query_code();
    case Flavour::kAnswer:  // judges none, and reports nothing
      return egress_code();
    case Flavour::kSetsockopt:  // judges by no rule: check_rules()
    case Flavour::kTest:
      break;
  }
  return test_code();
}

Digest Program::digest() const {
  std::string text;
  append_number(text, static_cast<std::uint64_t>(flavour));
  append_number(text, insns.size());
  text.append(reinterpret_cast<const char*>(insns.data()),
              insns.size() * sizeof(bpf_insn));
  append_number(text, maps.size());
  for (const MapRef& map : maps) {
    append_number(text, static_cast<std::uint64_t>(map.kind));
    append_number(text, static_cast<std::uint64_t>(map.list_kind));
    append_number(text, map.list.size());
    text += map.list;
  }
  for (const Relocation& relocation : relocations) {
    append_number(text, relocation.insn);
    append_number(text, relocation.map);
  }
  for (const FactUse& use : facts) {
    append_number(text, use.insn);
    append_number(text, static_cast<std::uint64_t>(use.fact));
  }
  for (const Function& function : functions) {
    append_number(text, function.insn);
    append_number(text, function.arguments);
  }
  return digest_of(text);
}

Result<Program> emit_program(const std::vector<KernelRule>& rules,
                             const std::vector<List>& lists, Flavour flavour,
                             std::uint64_t policy_id, const TaskTable* tasks,
                             const Frames& frames) {
  if (!knows_task(flavour)) tasks = nullptr;
  RETURN_IF_ERROR(check_rules(rules, lists, flavour, tasks));
  FlavourCode ops = flavour_code(flavour);
  ops.policy_id = policy_id;
  Writer code;
  LookUps look_ups;
  ops.frames = frames;
  const bool names = names_hosts(rules) || asks_names(flavour);
  ops.noted =
      has_notes(flavour) && frames.id != 0 && !names && !asks_local_port(rules);
  if (names) {
    look_ups.as_functions = true;
    look_ups.most_answers = answers_up_to(kNamesSlot);
  }
  if (ops.of_frame) look_ups.most_answers = answers_up_to(kSenderPidSlot);
  const Target target = {.code = code,
                         .flavour = ops,
                         .lists = lists,
                         .look_ups = look_ups,
                         .tasks = tasks};
  code.append(move(kContext, kR1));
  if (ops.begin != nullptr) ops.begin(code, ops);
  DnsReader reader(target);
  if (flavour == Flavour::kAnswer) {
    emit_answer(target, reader, rules);
    reader.finish();
    return std::move(code).finish(flavour);
  }
  if (asks_names(flavour)) {
    read_questions(target, reader, rules);
  } else if (names) {
    reader.load_names();
  }
  find_raw(code, ops, rules);
  load_values(target, rules);
  std::vector<bool> by_task;
  by_task.reserve(rules.size());
  for (const KernelRule& rule : rules) {
    by_task.push_back(needs_task(rule.condition, target));
  }
  if (std::find(by_task.begin(), by_task.end(), true) != by_task.end()) {
    load_task(target);
    ops.by_task = &by_task;
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i % 64 == 0) clear_hits(code);
    const Label hit = code.new_label();
    const Label miss = code.new_label();
    if (by_task[i]) {
      const Label unknown = code.new_label();
      branch_task_unknown(code, unknown);
      emit_condition(target, rules[i].condition,
                     {.if_true = hit, .if_false = miss, .next = unknown});
      // Of a process without bits the service decides what they would have.
      code.bind(unknown);
      emit_condition(target, without_bits(rules[i].condition, lists),
                     {.if_true = hit, .if_false = miss, .next = hit});
    } else {
      emit_condition(target, rules[i].condition,
                     {.if_true = hit, .if_false = miss, .next = hit});
    }
    code.bind(hit);
    add_hit(code, i);
    code.bind(miss);
    if (i % 64 == 63 || i + 1 == rules.size()) {
      drop_raw_hits(code, rules, i / 64);
      keep_hits(code, ops, rules, i / 64);
    }
  }
  ops.finish(code, rules, ops);
  reader.finish();
  return std::move(code).finish(flavour);
}

std::uint64_t frames_id(const Plan& plan, const std::vector<List>& lists,
                        std::uint64_t policy_id) {
  std::vector<std::string> names;
  names.reserve(lists.size());
  for (const List& list : lists) names.push_back(list.name);
  std::string text;
  for (const HookPoint hook : {HookPoint::kFrame, HookPoint::kQuery}) {
    for (const KernelRule& rule : plan.rules_at(hook)) {
      text += std::string(to_string(hook)) + ' ' + std::to_string(rule.rule) +
              (rule.deny ? " deny " : " ") +
              (rule.candidate ? "candidate " : "") + (rule.raw ? "raw " : "") +
              to_string(rule.condition, names) + '\n';
    }
  }
  if (text.empty()) return 0;
  return digest_of(std::to_string(policy_id) + '\n' + text).short_id();
}

Program emit_caller_probe() {
  Writer code;
  const Label done = code.new_label();
  load_caller_user(code);
  load_caller_ids(code);
  read_caller_comm(code, kCommSlot);
  load_caller_cgroup(code);
  code.append(store(Size::k64, kFrame, kPacketSlot, kR0));
  load_cgroup_id(code);
  read_ancestor_id(code, kPacketSlot, 1, kSenderSlot, done);
  code.bind(done);
  code.append(move(kR0, kNextProgram));
  code.append(leave());
  // It has no jump that could be too long.
  return *std::move(code).finish(Flavour::kFrame);
}

Program emit_allow_all(Flavour flavour) {
  Program program;
  program.flavour = flavour;
  const bool frames = flavour_code(flavour).of_frame;
  program.insns = {move(kR0, frames ? kNextProgram : 1), leave()};
  return program;
}

Program emit_placeholder() {
  Writer code;
  // The kernel allocates storage for whatever map of the kind a program names.
  code.load_map(kR1, {.kind = MapKind::kContainers, .list = {}});
  code.append(move(kR0, 1));
  code.append(leave());
  // It has no jump that could be too long.
  return *std::move(code).finish(Flavour::kConnect4);
}

}  // namespace bailiff::emit
