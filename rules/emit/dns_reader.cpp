// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/dns_reader.h"

#include <linux/bpf.h>

#include <cassert>
#include <cstring>
#include <set>
#include <span>
#include <variant>

#include "rules/abi/event.h"
#include "rules/emit/dns_name.h"
#include "rules/emit/list_code.h"
#include "rules/lower/fold.h"

namespace bailiff::emit {
namespace {

using InsnBytes = std::uint8_t[sizeof(bpf_insn)];

constexpr std::uint8_t kRead[][8] = {
#include "rules/emit/dns_read.inc"
};
constexpr std::uint8_t kAsked[][8] = {
#include "rules/emit/dns_asked.inc"
};
constexpr std::uint8_t kLearn[][8] = {
#include "rules/emit/dns_learn.inc"
};
constexpr std::uint8_t kKnown[][8] = {
#include "rules/emit/dns_known.inc"
};

std::span<const InsnBytes> code_of(DnsFunction function) {
  switch (function) {
    case DnsFunction::kRead:
      return kRead;
    case DnsFunction::kAsked:
      return kAsked;
    case DnsFunction::kLearn:
      return kLearn;
    case DnsFunction::kKnown:
      break;
  }
  return kKnown;
}

// Steps to read one message: more than 64 KiB have, of whatever sense.  A
// record is at least two, and has 11 bytes.
constexpr std::int32_t kSteps = 1 << 16;

static_assert(kNamesSlot + int{sizeof(bailiff_dns_walk)} <= kUidSlot);
static_assert(kNamesSlot + int{sizeof(bailiff_dns_names)} <= kHitsSlot);
static_assert(sizeof(bailiff_dns_walk) % 8 == 0);

constexpr int kTable = offsetof(bailiff_container_state, names);

// The number becomes 1 unless it is 0.  Clobbers `scratch`.
void make_flag(Writer& code, Register number, Register scratch) {
  code.append(move(scratch, number));
  code.append(negate(scratch));
  code.append(alu(BPF_OR, number, scratch));
  code.append(alu(BPF_RSH, number, 63));
}

// The checks of host names.
std::vector<const Check*> checks_of(const std::vector<KernelRule>& rules) {
  std::vector<const Check*> checks;
  for (const KernelRule& rule : rules) {
    for (const Leaf& leaf : leaves_of(rule.condition)) {
      if (leaf.check == nullptr || !of_host_name(leaf.check->field)) continue;
      checks.push_back(leaf.check);
    }
  }
  return checks;
}

// In the subprogram.
constexpr Register kWalk = kR6;
constexpr Register kListed = kR7;

int hash_at(std::size_t index) {
  return static_cast<int>(offsetof(bailiff_dns_walk, hash) + 16 * index);
}
int name_at(std::size_t index) {
  return static_cast<int>(offsetof(bailiff_dns_walk, names.name) + 16 * index);
}

}  // namespace

bool names_hosts(const std::vector<KernelRule>& rules) {
  return !checks_of(rules).empty();
}

Label DnsReader::label_of(DnsFunction function) {
  std::optional<Label>& label = labels_[static_cast<std::size_t>(function)];
  if (!label) label = code_.new_label();
  return *label;
}

// r0: the container's.  Never null: the kernel allocates the storage with the
// attachment.
void DnsReader::load_table() {
  code_.load_map(kR1, {.kind = MapKind::kContainers, .list = {}});
  code_.append(move(kR2, 0));
  code_.append(call(BPF_FUNC_get_local_storage));
  code_.append(alu(BPF_ADD, kR0, kTable));
}

void DnsReader::load_names() {
  const FlavourCode& flavour = target_.flavour;
  if (flavour.load_names != nullptr) {
    flavour.load_names(code_);
    return;
  }
  if (code_.begin_load(kLoadedAddress)) flavour.load_address(code_);
  load_table();
  code_.append(move(kR1, kR0));
  code_.frame_address(kR2, kNamesSlot);
  code_.append(load(Size::k64, kR3, kFrame, kAddressSlot));
  code_.append(load(Size::k64, kR4, kFrame, kAddressSlot + 8));
  if (flavour.family) {
    code_.append(move(kR5, *flavour.family));
  } else {
    code_.append(move(kR5, kFamily));
  }
  code_.jump(call_subprogram(), label_of(DnsFunction::kKnown));
}

void DnsReader::begin_walk(bool refuses) {
  // All of it becomes zero: there is no such place in a packet, and the kernel
  // clears what it cannot read.  To the verifier these are unknown numbers;
  // with zeros it knows, it would look at each step once more for every number
  // that is still one.
  code_.append(move(kR1, kContext));
  code_.append(move(kR2, -1));
  code_.frame_address(kR3, kNamesSlot);
  code_.append(move(kR4, sizeof(bailiff_dns_walk)));
  code_.append(call(BPF_FUNC_skb_load_bytes));
  code_.append(store(Size::k64, kFrame, BAILIFF_WALK(packet), kContext));
  if (target_.flavour.of_cgroup) {
    load_table();
    code_.append(store(Size::k64, kFrame, BAILIFF_WALK(table), kR0));
  } else {
    code_.append(store(Size::k64, kFrame, BAILIFF_WALK(table), 0));
  }
  code_.append(store(Size::k8, kFrame, BAILIFF_WALK(refuses), refuses ? 1 : 0));
}

void DnsReader::begin_message(Register begin) {
  // Plus 0, of which the verifier knows nothing: with a place it knows, it
  // would look at every length a name can have.
  target_.flavour.load_unknown(code_, kR3);
  target_.flavour.load_unknown(code_, kR4);
  code_.append(alu(BPF_SUB, kR3, kR4));
  code_.append(alu(BPF_ADD, begin, kR3));
  code_.append(store(Size::k32, kFrame, BAILIFF_WALK(begin), begin));
  code_.append(store(Size::k32, kFrame, BAILIFF_WALK(at), begin));
  static_assert(BAILIFF_DNS_HEADER == 0);
  code_.append(store(Size::k8, kFrame, BAILIFF_WALK(part), kR3));
  code_.append(store(Size::k8, kFrame, BAILIFF_WALK(found), kR3));
}

void DnsReader::read(const std::vector<KernelRule>& rules) {
  use_rules(rules);
  code_.frame_address(kR3, kNamesSlot);
  loop(*next_step_, kSteps);
  code_.append(load(Size::k8, kR0, kFrame, BAILIFF_WALK(full)));
  code_.append(alu(BPF_MUL, kR0, BAILIFF_DNS_FULL));
  code_.append(load(Size::k8, kR1, kFrame, BAILIFF_WALK(found)));
  code_.append(alu(BPF_OR, kR0, kR1));
}

void DnsReader::use_rules(const std::vector<KernelRule>& rules) {
  assert(rules_ == nullptr || rules_ == &rules);
  rules_ = &rules;
  if (next_step_) return;
  next_step_ = code_.new_label();
  listed_ = code_.new_label();
}

void DnsReader::ask(bool is_answer) {
  code_.append(load(Size::k64, kR1, kFrame, BAILIFF_WALK(table)));
  code_.frame_address(kR2, kNamesSlot);
  code_.append(move(kR4, is_answer ? 1 : 0));
  code_.jump(call_subprogram(), label_of(DnsFunction::kAsked));
}

void DnsReader::learn() {
  const Label some = code_.new_label();
  code_.append(load(Size::k32, kR1, kFrame, BAILIFF_WALK(records_at)));
  code_.append(store(Size::k32, kFrame, BAILIFF_WALK(at), kR1));
  code_.append(load(Size::k16, kR1, kFrame, BAILIFF_WALK(records)));
  code_.append(store(Size::k16, kFrame, BAILIFF_WALK(left), kR1));
  code_.append(move(kR2, BAILIFF_DNS_OWNER));
  code_.jump(jump_if(Comparison::kNe, kR1, 0), some);
  code_.append(move(kR2, BAILIFF_DNS_NO_PART));
  code_.bind(some);
  code_.append(store(Size::k8, kFrame, BAILIFF_WALK(part), kR2));
  code_.append(store(Size::k8, kFrame, BAILIFF_WALK(found), 0));
  code_.frame_address(kR3, kNamesSlot);
  loop(label_of(DnsFunction::kLearn), kSteps);
  code_.append(load(Size::k8, kR0, kFrame, BAILIFF_WALK(found)));
}

void DnsReader::loop(Label step, std::int32_t times) {
  code_.append(move(kR1, times));
  code_.load_function(kR2, step);
  code_.append(move(kR4, 0));
  code_.append(call(BPF_FUNC_loop));
}

void DnsReader::finish() {
  if (next_step_) {
    emit_step();
    emit_listed();
  }
  emit_look_up_functions(code_, target_.look_ups);
  for (const DnsFunction function :
       {DnsFunction::kRead, DnsFunction::kAsked, DnsFunction::kLearn,
        DnsFunction::kKnown}) {
    const auto& label = labels_[static_cast<std::size_t>(function)];
    if (!label) continue;
    code_.bind(*label);
    for (const InsnBytes& bytes : code_of(function)) {
      bpf_insn insn{};
      static_assert(sizeof bytes == sizeof insn);
      std::memcpy(&insn, bytes, sizeof insn);
      code_.append(insn);
    }
  }
}

// A step of bpf_loop(), with a frame of its own.  r1: its number, r2: the walk.
// r0: 0 when there is more to read.
//
// One loop over bytes, in which names are looked up: with a loop for each name
// in one over names, the verifier looks at the inner once for every way through
// the outer.  Which of the hashes are listed is found out without jumps, each
// of which would double the ways on.
void DnsReader::emit_step() {
  const Label stopped = code_.new_label();
  const Label name = code_.new_label();
  code_.bind(*next_step_);
  code_.append(move(kWalk, kR2));
  code_.jump(call_subprogram(), label_of(DnsFunction::kRead));
  code_.jump(jump_if(Comparison::kNe, kR0, 0), stopped);
  code_.append(move(kR0, 0));
  code_.exit();
  code_.bind(stopped);
  code_.append(load(Size::k8, kR1, kWalk, offsetof(bailiff_dns_walk, found)));
  code_.jump(jump_if(Comparison::kEq, kR1, BAILIFF_DNS_NAME), name);
  code_.append(move(kR0, 1));
  code_.exit();
  code_.bind(name);
  for (std::size_t i = 0; i <= BAILIFF_DNS_SUFFIXES; ++i) {
    code_.append(load(Size::k64, kR1, kWalk, hash_at(i)));
    code_.append(load(Size::k64, kR2, kWalk, hash_at(i) + 8));
    code_.jump(call_subprogram(), *listed_);
    code_.append(move(kListed, kR0));
    emit_keep(i);
  }
  // Behind the question it stops: what comes next are records.
  code_.append(load(Size::k32, kR0, kWalk, offsetof(bailiff_dns_walk, at)));
  code_.append(
      load(Size::k32, kR1, kWalk, offsetof(bailiff_dns_walk, records_at)));
  code_.append(alu(BPF_XOR, kR0, kR1));
  make_flag(code_, kR0, kR1);
  code_.append(alu(BPF_XOR, kR0, 1));
  code_.exit();
}

// A function of the two numbers that are a name's hash: whether some rule names
// it.
void DnsReader::emit_listed() {
  constexpr Register kFirst = kR6;
  constexpr Register kSecond = kR7;
  const Label yes = code_.new_label();
  const Label no = code_.new_label();
  code_.bind(*listed_);
  code_.begin_function(2);
  code_.append(move(kFirst, kR1));
  code_.append(move(kSecond, kR2));
  code_.jump(jump_if(Comparison::kEq, kFirst, 0), no);
  std::set<std::uint32_t> asked;
  std::set<std::array<std::uint64_t, 2>> compared;
  for (const Check* check : checks_of(*rules_)) {
    for (const Value& value : check->values) {
      const auto wanted = name_hash(std::get<std::string>(value));
      if (!compared.insert(wanted).second) continue;
      const Label other = code_.new_label();
      code_.load_constant(kR1, wanted[0]);
      code_.jump(jump_if(Comparison::kNe, kFirst, kR1), other);
      code_.load_constant(kR1, wanted[1]);
      code_.jump(jump_if(Comparison::kEq, kSecond, kR1), yes);
      code_.bind(other);
    }
    for (const std::uint32_t list : check->lists) {
      if (!asked.insert(list).second) continue;
      code_.append(move(kR2, kFirst));
      code_.append(move(kR3, kSecond));
      call_name_look_up(code_,
                        {.kind = MapKind::kList,
                         .list = target_.lists[list].name,
                         .list_kind = ListKind::kNames},
                        target_.look_ups);
      code_.jump(jump_if(Comparison::kNe, kR0, 0), yes);
    }
  }
  code_.bind(no);
  code_.append(move(kR0, 0));
  code_.exit();
  code_.bind(yes);
  code_.append(move(kR0, 1));
  code_.exit();
}

// Puts the hash, when it is listed, where there is no name yet, unless it is
// there.
void DnsReader::emit_keep(std::size_t hash) {
  const auto full = static_cast<int>(offsetof(bailiff_dns_walk, full));
  code_.append(load(Size::k64, kR1, kWalk, hash_at(hash)));
  code_.append(load(Size::k64, kR2, kWalk, hash_at(hash) + 8));
  for (std::size_t i = 0; i < BAILIFF_DNS_NAMES; ++i) {
    code_.append(load(Size::k64, kR3, kWalk, name_at(i)));
    code_.append(alu(BPF_XOR, kR3, kR1));
    make_flag(code_, kR3, kR4);
    code_.append(alu(BPF_AND, kListed, kR3));
  }
  for (std::size_t i = 0; i < BAILIFF_DNS_NAMES; ++i) {
    code_.append(load(Size::k64, kR3, kWalk, name_at(i)));
    make_flag(code_, kR3, kR4);
    code_.append(alu(BPF_XOR, kR3, 1));
    code_.append(alu(BPF_AND, kR3, kListed));
    code_.append(alu(BPF_XOR, kListed, kR3));
    code_.append(negate(kR3));
    for (int word = 0; word < 16; word += 8) {
      code_.append(move(kR4, word == 0 ? kR1 : kR2));
      code_.append(alu(BPF_AND, kR4, kR3));
      code_.append(load(Size::k64, kR5, kWalk, name_at(i) + word));
      code_.append(alu(BPF_OR, kR5, kR4));
      code_.append(store(Size::k64, kWalk, name_at(i) + word, kR5));
    }
  }
  code_.append(load(Size::k8, kR3, kWalk, full));
  code_.append(alu(BPF_OR, kR3, kListed));
  code_.append(store(Size::k8, kWalk, full, kR3));
}

}  // namespace bailiff::emit
