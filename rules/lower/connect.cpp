// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/connect.h"

#include <set>
#include <string>
#include <utility>

#include "rules/lower/inbound.h"
#include "rules/types/compare.h"

namespace bailiff {

bool is_send(std::string_view type) {
  return type == "sendto" || type == "sendmsg" || type == "sendmmsg";
}

std::optional<Value> constant_at_connect(FieldId id) {
  if (id == FieldId::kEvtType) return Value("connect");
  if (id == FieldId::kEvtDir) return Value("<");
  if (id == FieldId::kEvtRes) return Value("SUCCESS");
  if (id == FieldId::kEvtRawres) return Value(std::int64_t{0});
  if (id == FieldId::kEvtFailed) return Value(false);
  if (id == FieldId::kFdSockfamily) return Value("ip");
  return std::nullopt;
}

bool decidable_at_connect(const Check& check) {
  if (check.field == FieldId::kFdLport) {
    return has_code(check) && settled_before_bound(check);
  }
  return (field(check.field).from & kFromKernelConnect) != 0 && has_code(check);
}

bool has_code(const Check& check) {
  if (of_host_name(check.field)) return decidable_of_query(check);
  // Decided when the program is made, by comparing.
  if (check.op == Op::kExists || constant_at_connect(check.field) ||
      check.field == FieldId::kFdType || check.field == FieldId::kFdTypechar ||
      check.field == FieldId::kFdL4proto ||
      check.field == FieldId::kThreadIsmain) {
    return true;
  }
  if (check.quantifier != Quantifier::kNone) return false;
  switch (check.op) {
    case Op::kExists:
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
    case Op::kIn:
    case Op::kIntersects:
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
      return true;
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
    case Op::kBcontains:
    case Op::kBstartswith:
      return false;
  }
  return false;
}

bool decidable_of_packet(const Check& check) {
  switch (check.field) {
    case FieldId::kProcName:
    case FieldId::kProcPid:
    case FieldId::kThreadTid:
    case FieldId::kThreadIsmain:
    case FieldId::kUserUid:
    case FieldId::kGroupGid:
      return false;
    default:  // of the packet, or the same for all
      return decidable_at_connect(check);
  }
}

bool decidable_of_query(const Check& check) {
  return of_host_name(check.field) && check.quantifier == Quantifier::kNone &&
         (check.op == Op::kEq || is_membership(check.op));
}

bool is_membership(Op op) { return op == Op::kIn || op == Op::kIntersects; }

std::vector<Value> inline_operands(const Check& check,
                                   const std::vector<List>& lists) {
  std::vector<Value> operands;
  std::set<Value> seen;
  const auto add = [&](Value value) {
    if (seen.insert(value).second) operands.push_back(std::move(value));
  };
  for (const Value& value : check.values) add(value);

  const FieldType shape = field(check.field).type;
  if (shape == FieldType::kAddress || shape == FieldType::kNetwork ||
      of_host_name(check.field)) {
    return operands;
  }
  const FalcoType type = value_type(check.field, check.argument);
  for (const std::uint32_t list : check.lists) {
    for (const std::string& item : flatten(lists, list)) {
      if (auto value = parse_operand(type, check.op, item))
        add(*std::move(value));
    }
  }
  return operands;
}

}  // namespace bailiff
