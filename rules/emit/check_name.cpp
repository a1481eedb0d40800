// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <vector>

#include "rules/abi/dns.h"
#include "rules/emit/check.h"
#include "rules/emit/dns_name.h"
#include "rules/emit/dns_reader.h"
#include "rules/emit/list_code.h"

namespace bailiff::emit {
namespace {

// The names the check compares with that are written in the rule.
std::vector<std::array<std::uint64_t, 2>> written_names(const Check& check) {
  std::vector<std::array<std::uint64_t, 2>> names;
  for (const Value& value : check.values) {
    names.push_back(name_hash(std::get<std::string>(value)));
  }
  return names;
}

// Whether the name at `slot` is one of those.
void emit_one_name(const Target& target, const Check& check, int slot,
                   const Exits& exits) {
  Writer& code = target.code;
  for (const auto& hash : written_names(check)) {
    const Label other = code.new_label();
    code.load_compared(Size::k64, kR1, slot);
    code.load_constant(kR2, hash[0]);
    code.jump(jump_if(Comparison::kNe, kR1, kR2), other);
    code.load_compared(Size::k64, kR1, slot + 8);
    code.load_constant(kR2, hash[1]);
    code.jump(jump_if(Comparison::kEq, kR1, kR2), exits.if_true);
    code.bind(other);
  }
  for (const std::uint32_t list : check.lists) {
    code.append(load(Size::k64, kR2, kFrame, slot));
    code.append(load(Size::k64, kR3, kFrame, slot + 8));
    call_name_look_up(code,
                      {.kind = MapKind::kList,
                       .list = target.lists[list].name,
                       .list_kind = ListKind::kNames},
                      target.look_ups);
    code.jump(jump_if(Comparison::kNe, kR0, 0), exits.if_true);
  }
  code.go(exits.if_false, exits.next);
}

}  // namespace

void emit_name_check(const Target& target, const Check& check,
                     const Exits& exits) {
  Writer& code = target.code;
  for (int i = 0; i < BAILIFF_DNS_NAMES; ++i) {
    const int slot = kNamesSlot + 16 * i;
    const Label found = code.new_label();
    const Label next = code.new_label();
    code.load_compared(Size::k64, kR1, slot);
    code.jump(jump_if(Comparison::kEq, kR1, 0), next);
    emit_one_name(target, check, slot,
                  {.if_true = found, .if_false = next, .next = found});
    code.bind(found);
    code.append(load(Size::k64, kR1, kFrame, slot));
    code.append(store(Size::k64, kFrame, BAILIFF_WALK(names.held), kR1));
    code.go(exits.if_true);
    code.bind(next);
  }
  code.go(exits.if_false, exits.next);
}

}  // namespace bailiff::emit
