// SPDX-License-Identifier: Apache-2.0
// Checks on fields with few possible values: each check is decided for every
// value now, and the program only tells the values apart.
#include <netinet/in.h>

#include <vector>

#include "rules/emit/check.h"
#include "rules/lower/fold.h"

namespace bailiff::emit {
namespace {

bool holds(const Target& target, const Check& check, const Value& value) {
  return bailiff::holds(check, {value}, target.lists);
}

}  // namespace

void emit_constant_check(const Target& target, const Check& check,
                         const Value& value, const Exits& exits) {
  target.code.go(holds(target, check, value) ? exits.if_true : exits.if_false,
                 exits.next);
}

void emit_main_thread_check(const Target& target, const Check& check,
                            const Exits& exits) {
  const bool of_main = holds(target, check, Value(true));
  if (of_main == holds(target, check, Value(false))) {
    target.code.go(of_main ? exits.if_true : exits.if_false, exits.next);
    return;
  }
  // The first of the two loads both, so that the second is no call, which would
  // take r1.
  target.flavour.load_number(target.code, Number::kTid, kR1);
  target.flavour.load_number(target.code, Number::kPid, kR2);
  target.code.branch(jump_if(Comparison::kEq, kR1, kR2),
                     of_main ? exits.if_true : exits.if_false,
                     of_main ? exits.if_false : exits.if_true, exits.next);
}

void emit_family_check(const Target& target, const Check& check,
                       const Value& value4, const Value& value6,
                       const Exits& exits) {
  Writer& code = target.code;
  const bool for4 = holds(target, check, value4);
  const bool for6 = holds(target, check, value6);
  if (for4 == for6 || target.flavour.family) {
    const bool answer = target.flavour.family == 6 ? for6 : for4;
    code.go(answer ? exits.if_true : exits.if_false, exits.next);
    return;
  }
  if (code.begin_load(kLoadedAddress)) target.flavour.load_address(code);
  branch_family6(target, for6 ? exits.if_true : exits.if_false);
  code.go(for4 ? exits.if_true : exits.if_false, exits.next);
}

void branch_family6(const Target& target, Label six) {
  Register family = kFamily;
  if (!target.look_ups.answers.empty()) {
    // To the verifier it is an unknown number (emit_list_answers()), and stays
    // one: what is tested is a copy.
    target.code.append(move(kR1, kFamily));
    target.code.append(alu(BPF_OR, kR1, 0));
    family = kR1;
  }
  target.code.jump(jump_if(Comparison::kEq, family, 6), six);
}

void emit_l4proto_check(const Target& target, const Check& check,
                        const Exits& exits) {
  static const struct {
    std::int32_t number;
    const char* name;
  } kProtocols[] = {
      {IPPROTO_TCP, "tcp"},
      {IPPROTO_UDP, "udp"},
      {IPPROTO_ICMP, "icmp"},
      {IPPROTO_RAW, "raw"},
  };
  Writer& code = target.code;
  // A text and not null, as in Falco.
  const bool for_others = holds(target, check, "<NA>");
  const Label if_other = for_others ? exits.if_true : exits.if_false;
  const Label if_listed = for_others ? exits.if_false : exits.if_true;
  std::vector<std::int32_t> listed;
  for (const auto& protocol : kProtocols) {
    if (holds(target, check, protocol.name) != for_others) {
      listed.push_back(protocol.number);
    }
  }
  if (listed.empty()) {
    code.go(if_other, exits.next);
    return;
  }
  target.flavour.load_number(code, Number::kL4proto, kR1);
  for (std::size_t i = 0; i + 1 < listed.size(); ++i) {
    code.jump(jump_if(Comparison::kEq, kR1, listed[i]), if_listed);
  }
  code.branch(jump_if(Comparison::kEq, kR1, listed.back()), if_listed, if_other,
              exits.next);
}

}  // namespace bailiff::emit
