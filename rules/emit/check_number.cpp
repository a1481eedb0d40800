// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "rules/emit/check.h"
#include "rules/lower/connect.h"
#include "rules/lower/ip_socket.h"
#include "rules/types/compare.h"

namespace bailiff::emit {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::uint32_t>::max();

Comparison comparison_of(Op op) {
  switch (op) {
    case Op::kNe:
      return Comparison::kNe;
    case Op::kLt:
      return Comparison::kLt;
    case Op::kLe:
      return Comparison::kLe;
    case Op::kGt:
      return Comparison::kGt;
    case Op::kGe:
      return Comparison::kGe;
    case Op::kExists:
    case Op::kEq:
    case Op::kIn:
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
    case Op::kIntersects:
    case Op::kBcontains:
    case Op::kBstartswith:
      break;
  }
  return Comparison::kEq;
}

// The number is in `value`, 32 bits, the rest zero.
void compare_number(Writer& code, Op op, Register value, const Value& operand,
                    const Exits& exits) {
  const auto* number = std::get_if<std::int64_t>(&operand);
  if (number == nullptr || *number < 0 || *number > kLargest) {
    // Whatever the field's number is, it lies to the same side as 0.
    const bool answer = compare(op, Value(std::int64_t{0}), operand);
    code.go(answer ? exits.if_true : exits.if_false, exits.next);
    return;
  }
  bpf_insn insn{};
  if (*number <= std::numeric_limits<std::int32_t>::max()) {
    insn =
        jump_if(comparison_of(op), value, static_cast<std::int32_t>(*number));
  } else {
    code.load_constant(kR2, static_cast<std::uint64_t>(*number));
    insn = jump_if(comparison_of(op), value, kR2);
  }
  code.branch(insn, exits.if_true, exits.if_false, exits.next);
}

bool is_ordered(Op op) {
  return op == Op::kEq || op == Op::kNe || op == Op::kLt || op == Op::kLe ||
         op == Op::kGt || op == Op::kGe;
}

// Each operand until one is equal.
void compare_any(Writer& code, Register value,
                 const std::vector<Value>& operands, const Exits& exits) {
  for (const Value& operand : operands) {
    const Label other = code.new_label();
    compare_number(
        code, Op::kEq, value, operand,
        {.if_true = exits.if_true, .if_false = other, .next = other});
    code.bind(other);
  }
  code.go(exits.if_false, exits.next);
}

// The numbers whose text is one of the operands; no other text is any's.
std::vector<Value> numbers_of(const std::vector<Value>& texts) {
  std::vector<Value> numbers;
  for (const Value& operand : texts) {
    const auto* text = std::get_if<std::string>(&operand);
    if (text == nullptr) continue;
    std::uint32_t number = 0;
    const char* last = text->data() + text->size();
    const auto [end, error] = std::from_chars(text->data(), last, number);
    if (error != std::errc() || end != last) continue;
    if (*text != std::to_string(number)) continue;  // "03"
    numbers.emplace_back(std::int64_t{number});
  }
  return numbers;
}

}  // namespace

void emit_number_check(const Target& target, const Check& check, Number number,
                       const Exits& exits) {
  if (!is_membership(check.op) && !is_ordered(check.op)) {
    // No other operator knows numbers.
    target.code.go(exits.if_false, exits.next);
    return;
  }
  target.flavour.load_number(target.code, number, kR1);
  if (is_membership(check.op)) {
    compare_any(target.code, kR1, inline_operands(check, target.lists), exits);
    return;
  }
  compare_number(target.code, check.op, kR1, check.values.front(), exits);
}

void emit_socket_check(const Target& target, const Check& check,
                       const Exits& exits) {
  const bool type = socket_number(check) == SocketNumber::kType;
  target.code.append(load(Size::k32, kR1, kContext,
                          type ? int{offsetof(bpf_sock, type)}
                               : int{offsetof(bpf_sock, protocol)}));
  const bool negated = check.op == Op::kNe;
  compare_any(target.code, kR1,
              numbers_of(inline_operands(check, target.lists)),
              {.if_true = negated ? exits.if_false : exits.if_true,
               .if_false = negated ? exits.if_true : exits.if_false,
               .next = exits.next});
}

}  // namespace bailiff::emit
