// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/fold.h"

#include <algorithm>
#include <utility>

#include "rules/lower/connect.h"
#include "rules/lower/lower.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

class Simplifier {
 public:
  explicit Simplifier(const Decide& decide) : decide_(decide) {}

  Expr simplify(const Expr& expr) const { return std::visit(*this, expr.node); }

  Expr operator()(const Constant& constant) const { return {constant}; }
  Expr operator()(const Check& check) const {
    if (const auto known = decide_(check)) return {Constant{*known}};
    return {check};
  }
  Expr operator()(const Not& node) const {
    Expr operand = simplify(*node.operand);
    if (const auto* constant = std::get_if<Constant>(&operand.node)) {
      return {Constant{!constant->value}};
    }
    if (auto* inner = std::get_if<Not>(&operand.node)) {
      return std::move(*inner->operand);
    }
    return {Not{std::move(operand)}};
  }
  Expr operator()(const And& node) const {
    return operands<And>(node.operands, true);
  }
  Expr operator()(const Or& node) const {
    return operands<Or>(node.operands, false);
  }

 private:
  // `neutral` operands vanish, one of the other kind decides.
  template <typename Node>
  Expr operands(const std::vector<Expr>& all, bool neutral) const {
    Node result;
    for (const Expr& one : all) {
      Expr operand = simplify(one);
      if (const auto* constant = std::get_if<Constant>(&operand.node)) {
        if (constant->value == neutral) continue;
        return {Constant{!neutral}};
      }
      if (auto* same = std::get_if<Node>(&operand.node)) {
        std::move(same->operands.begin(), same->operands.end(),
                  std::back_inserter(result.operands));
        continue;
      }
      result.operands.push_back(std::move(operand));
    }
    if (result.operands.empty()) return {Constant{neutral}};
    if (result.operands.size() == 1) return std::move(result.operands.front());
    return {std::move(result)};
  }

  const Decide& decide_;
};

class CheckCollector {
 public:
  void collect(const Expr& expr) { std::visit(*this, expr.node); }
  void operator()(const Constant&) {}
  void operator()(const Check& check) { checks.push_back(&check); }
  void operator()(const Not& node) { collect(*node.operand); }
  void operator()(const And& node) {
    for (const Expr& operand : node.operands) collect(operand);
  }
  void operator()(const Or& node) {
    for (const Expr& operand : node.operands) collect(operand);
  }

  std::vector<const Check*> checks;
};

// Events count from 1.  Only what follows from that for every number.
std::optional<bool> decide_event_number(const Check& check,
                                        const std::vector<List>& lists) {
  if (check.op == Op::kExists) return true;
  if (check.op == Op::kIn) {
    const std::vector<Value> operands = inline_operands(check, lists);
    const bool possible =
        std::any_of(operands.begin(), operands.end(), [](const Value& operand) {
          return compare(Op::kGe, operand, std::int64_t{1});
        });
    return possible ? std::nullopt : std::optional(false);
  }
  const Value& operand = check.values.front();
  const auto* number = std::get_if<std::int64_t>(&operand);
  if (number == nullptr) return std::nullopt;
  // What holds for 0 and 1 alike, with the operand below both, holds for all;
  // <= 0 and < 1 are the edges.
  if (*number < 1) return compare(check.op, std::int64_t{1}, operand);
  if (*number == 1 && check.op == Op::kLt) return false;
  if (*number == 1 && check.op == Op::kGe) return true;
  return std::nullopt;
}

// What is so for every event of every container.
std::optional<bool> decide_always(const Check& check,
                                  const std::vector<List>& lists) {
  if (check.field == FieldId::kEvtNum) {
    return decide_event_number(check, lists);
  }
  if (check.field == FieldId::kEvtDir) return holds(check, {Value("<")}, lists);
  if (check.field != FieldId::kContainerId &&
      check.field != FieldId::kContainerFullId) {
    return std::nullopt;
  }
  // Every container has an id, and it is not "host", which is what Falco calls
  // everything outside of containers.
  if (check.op == Op::kExists) return true;
  if ((check.op == Op::kEq || check.op == Op::kNe) &&
      check.values.front() == Value("host")) {
    return check.op == Op::kNe;
  }
  return std::nullopt;
}

std::string fact_name(const Check& check) {
  std::string name(field(check.field).name);
  if (!check.argument.empty()) name += "[" + check.argument + "]";
  return name;
}

// The fields that have a value for events of the type.
std::uint8_t sources_of(const std::string& type) {
  if (type == "connect") {
    return kFromContainer | kFromKernelConnect | kFromSidecarConnect;
  }
  if (type == "container") return kFromContainer | kFromContainerEvent;
  return 0xff;  // nothing is known of it: any may have one
}

std::optional<bool> decide_connect(const Check& check,
                                   const std::vector<List>& lists) {
  if (const auto value = constant_at_connect(check.field)) {
    return holds(check, {*value}, lists);
  }
  return std::nullopt;
}

}  // namespace

Expr simplify(const Expr& expr, const Decide& decide) {
  return Simplifier(decide).simplify(expr);
}

bool holds(const Check& check, const std::vector<Value>& values,
           const std::vector<List>& lists) {
  std::vector<Value> known = values;
  std::erase_if(known, [](const Value& value) {
    return std::holds_alternative<Null>(value);
  });
  if (known.empty()) return false;
  if (check.op == Op::kExists) return true;
  if (check.op != Op::kIn) {
    return std::any_of(known.begin(), known.end(), [&](const Value& value) {
      return compare(check.op, value, check.values.front());
    });
  }
  std::vector<Value> operands = check.values;
  for (const std::uint32_t list : check.lists) {
    for (const std::string& item : flatten(lists, list)) {
      if (auto operand = parse_item(field(check.field).type, item)) {
        operands.push_back(*std::move(operand));
      }
    }
  }
  return std::all_of(known.begin(), known.end(), [&](const Value& value) {
    return std::any_of(
        operands.begin(), operands.end(),
        [&](const Value& operand) { return compare(Op::kEq, value, operand); });
  });
}

Decide known_of_event(const std::string& type, const std::vector<List>& lists) {
  return [type, &lists](const Check& check) -> std::optional<bool> {
    const std::uint8_t from = field(check.field).from;
    // Not told is not null: the event may well have it.
    if (from == kFromNobody) return std::nullopt;
    if ((from & sources_of(type)) == 0) return false;
    if (type == "connect") {
      if (const auto known = decide_connect(check, lists)) return known;
    }
    if (check.field == FieldId::kEvtType) {
      return holds(check, {Value(type)}, lists);
    }
    return std::nullopt;
  };
}

Decide known_of_finished_connect(const std::vector<List>& lists) {
  return [&lists](const Check& check) -> std::optional<bool> {
    if (check.field == FieldId::kEvtRes || check.field == FieldId::kEvtRawres) {
      return std::nullopt;
    }
    return decide_connect(check, lists);
  };
}

Decide known_of_foreign_connect(const std::vector<List>& lists) {
  return [&lists](const Check& check) -> std::optional<bool> {
    const FieldType type = field(check.field).type;
    if (type == FieldType::kAddress || type == FieldType::kNetwork ||
        check.field == FieldId::kFdSport || check.field == FieldId::kFdRport) {
      return false;
    }
    if (check.field == FieldId::kFdType) {
      return holds(check, {Value("unix")}, lists);
    }
    if (check.field == FieldId::kFdTypechar) {
      return holds(check, {Value("u")}, lists);
    }
    if (check.field == FieldId::kFdL4proto) {
      return holds(check, {Value("<NA>")}, lists);
    }
    return decide_connect(check, lists);
  };
}

bool is_false(const Expr& expr) {
  const auto* constant = std::get_if<Constant>(&expr.node);
  return constant != nullptr && !constant->value;
}

bool is_true(const Expr& expr) {
  const auto* constant = std::get_if<Constant>(&expr.node);
  return constant != nullptr && constant->value;
}

std::vector<const Check*> checks_of(const Expr& expr) {
  CheckCollector collector;
  collector.collect(expr);
  return std::move(collector.checks);
}

namespace {

class OverApproximation {
 public:
  OverApproximation(const std::function<bool(const Check&)>& open, bool wanted)
      : open_(open), wanted_(wanted) {}

  Expr operator()(const Constant& constant) const { return {constant}; }
  Expr operator()(const Check& check) const {
    if (open_(check)) return {Constant{wanted_}};
    return {check};
  }
  Expr operator()(const Not& node) const {
    return {Not{
        std::visit(OverApproximation(open_, !wanted_), node.operand->node)}};
  }
  Expr operator()(const And& node) const {
    return {And{operands(node.operands)}};
  }
  Expr operator()(const Or& node) const {
    return {Or{operands(node.operands)}};
  }

 private:
  std::vector<Expr> operands(const std::vector<Expr>& all) const {
    std::vector<Expr> result;
    result.reserve(all.size());
    for (const Expr& one : all) result.push_back(std::visit(*this, one.node));
    return result;
  }

  const std::function<bool(const Check&)>& open_;
  bool wanted_;  // what makes the whole more likely to hold
};

}  // namespace

Expr over_approximate(const Expr& expr,
                      const std::function<bool(const Check&)>& open) {
  const Expr result = std::visit(OverApproximation(open, true), expr.node);
  return simplify(result, [](const Check&) { return std::nullopt; });
}

Expr fold(const Expr& expr, const Facts& facts,
          const std::vector<List>& lists) {
  return simplify(expr, [&](const Check& check) -> std::optional<bool> {
    const auto known = facts.values.find(fact_name(check));
    if (known != facts.values.end()) {
      return holds(check, known->second, lists);
    }
    if (const auto always = decide_always(check, lists)) return always;
    const bool constant = (field(check.field).from & kFromContainer) != 0;
    if (facts.complete && constant) return false;
    return std::nullopt;
  });
}

}  // namespace bailiff
