// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/evaluate.h"

#include <algorithm>

#include "rules/types/compare.h"

namespace bailiff {
namespace {

// The values and lists of a check on values of `type`.
template <typename AnyCheck>
class IndexedOperands : public Operands {
 public:
  IndexedOperands(const AnyCheck& check, FalcoType type, const ListIndex& lists)
      : check_(check), type_(type), lists_(lists) {}

  bool contains(const Value& value) const override {
    const auto equals = [&](const Value& operand) {
      return compare(Op::kEq, value, operand);
    };
    const auto holds = [&](std::uint32_t list) {
      return lists_.contains(list, type_, value);
    };
    return std::any_of(check_.values.begin(), check_.values.end(), equals) ||
           std::any_of(check_.lists.begin(), check_.lists.end(), holds);
  }

  void for_each(const std::function<bool(const Value&)>& visit) const override {
    for (const Value& value : check_.values) {
      if (!visit(value)) return;
    }
    for (const std::uint32_t list : check_.lists) {
      if (!lists_.for_each(list, type_, check_.op, visit)) return;
    }
  }

 private:
  const AnyCheck& check_;
  FalcoType type_;
  const ListIndex& lists_;
};

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
    const FalcoType type = value_type(check.field, check.argument);
    std::vector<Value> values = event_.extract(check.field, check.argument);
    if (takes_endpoints(check.field, check.op, check.quantifier)) {
      add_endpoints(values, event_.extract(*port_beside(check.field), ""));
    }
    return holds(check.op, check.quantifier, several_of(check.field), values,
                 IndexedOperands<Check>(check, type, lists_));
  }

  bool operator()(const TermCheck& check) const {
    const auto extract = [&](const FieldReference& term) {
      return event_.extract(term.field, term.argument);
    };
    return holds(
        check, extract,
        IndexedOperands<TermCheck>(check, type_of(check.left).type, lists_));
  }

 private:
  const FieldSource& event_;
  const ListIndex& lists_;
};

}  // namespace

bool evaluate(const Expr& expr, const FieldSource& event,
              const ListIndex& lists) {
  return Evaluator(event, lists).evaluate(expr);
}

}  // namespace bailiff
