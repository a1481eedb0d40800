// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/evaluate.h"

#include <algorithm>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

class Evaluator {
 public:
  Evaluator(const FieldSource& event, const ListIndex& lists)
      : event_(event), lists_(lists) {}

  bool evaluate(const Expr& expr) const { return std::visit(*this, expr.node); }

  bool operator()(const Constant& constant) const { return constant.value; }
  bool operator()(const Not& node) const { return !evaluate(*node.operand); }
  bool operator()(const And& node) const {
    return std::all_of(node.operands.begin(), node.operands.end(),
                       [&](const Expr& operand) { return evaluate(operand); });
  }
  bool operator()(const Or& node) const {
    return std::any_of(node.operands.begin(), node.operands.end(),
                       [&](const Expr& operand) { return evaluate(operand); });
  }

  bool operator()(const Check& check) const {
    std::vector<Value> values = event_.extract(check.field, check.argument);
    std::erase_if(values, [](const Value& value) {
      return std::holds_alternative<Null>(value);
    });
    if (values.empty()) return false;
    if (check.op == Op::kExists) return true;
    if (check.op == Op::kIn) {
      return std::all_of(values.begin(), values.end(), [&](const Value& value) {
        return in_set(check, value);
      });
    }
    return std::any_of(values.begin(), values.end(), [&](const Value& value) {
      return compare(check.op, value, check.values.front());
    });
  }

 private:
  bool in_set(const Check& check, const Value& value) const {
    const bool literal = std::any_of(
        check.values.begin(), check.values.end(),
        [&](const Value& operand) { return compare(Op::kEq, value, operand); });
    if (literal) return true;
    const FieldType type = field(check.field).type;
    return std::any_of(
        check.lists.begin(), check.lists.end(),
        [&](std::uint32_t list) { return lists_.contains(list, type, value); });
  }

  const FieldSource& event_;
  const ListIndex& lists_;
};

}  // namespace

bool evaluate(const Expr& expr, const FieldSource& event,
              const ListIndex& lists) {
  return Evaluator(event, lists).evaluate(expr);
}

}  // namespace bailiff
