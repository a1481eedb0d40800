// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/fold.h"

#include <algorithm>
#include <iterator>
#include <set>
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
    if (const auto known = decide_.check(check)) return {Constant{*known}};
    return {check};
  }
  Expr operator()(const TermCheck& check) const {
    if (const auto known = decide_.term_check(check)) {
      return {Constant{*known}};
    }
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

class LeafCollector {
 public:
  void collect(const Expr& expr) { std::visit(*this, expr.node); }
  void operator()(const Constant&) {}
  void operator()(const Check& check) {
    leaves.push_back({.check = &check,
                      .fields = {check.field},
                      .arguments = {check.argument}});
  }
  void operator()(const TermCheck& check) {
    Leaf leaf;
    for (const FieldReference& term : fields_of(check)) {
      leaf.fields.push_back(term.field);
      leaf.arguments.push_back(term.argument);
    }
    leaves.push_back(std::move(leaf));
  }
  void operator()(const Not& node) { collect(*node.operand); }
  void operator()(const And& node) {
    for (const Expr& operand : node.operands) collect(operand);
  }
  void operator()(const Or& node) {
    for (const Expr& operand : node.operands) collect(operand);
  }

  std::vector<Leaf> leaves;
};

// The values of a check, and the items of its lists, for what is decided once.
template <typename AnyCheck>
class ParsedOperands : public Operands {
 public:
  ParsedOperands(const AnyCheck& check, FalcoType type,
                 const std::vector<List>& lists)
      : check_(check), type_(type), lists_(lists) {}

  bool contains(const Value& value) const override {
    bool found = false;
    for_each([&](const Value& operand) {
      found = compare(Op::kEq, value, operand);
      return !found;
    });
    return found;
  }

  void for_each(const std::function<bool(const Value&)>& visit) const override {
    for (const Value& value : check_.values) {
      if (!visit(value)) return;
    }
    for (const std::uint32_t list : check_.lists) {
      for (const std::string& item : flatten(lists_, list)) {
        const auto operand = parse_operand(type_, check_.op, item);
        if (operand && !visit(*operand)) return;
      }
    }
  }

 private:
  const AnyCheck& check_;
  FalcoType type_;
  const std::vector<List>& lists_;
};

bool is_plain(const Check& check, Op op) {
  return check.op == op && check.quantifier == Quantifier::kNone;
}

// Events count from 1.  Only what follows from that for every number.
std::optional<bool> decide_event_number(const Check& check,
                                        const std::vector<List>& lists) {
  if (check.op == Op::kExists) return true;
  if (check.quantifier == Quantifier::kNone && is_membership(check.op)) {
    const std::vector<Value> operands = inline_operands(check, lists);
    const bool possible =
        std::any_of(operands.begin(), operands.end(), [](const Value& operand) {
          return compare(Op::kGe, operand, std::int64_t{1});
        });
    return possible ? std::nullopt : std::optional(false);
  }
  if (check.quantifier != Quantifier::kNone) return std::nullopt;
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
  if ((is_plain(check, Op::kEq) || is_plain(check, Op::kNe)) &&
      check.values.front() == Value("host")) {
    return check.op == Op::kNe;
  }
  return std::nullopt;
}

// The fields that have a value for events of the type.
std::uint8_t sources_of(const std::string& type) {
  if (type == "connect" || is_send(type)) {
    return kFromContainer | kFromKernelConnect | kFromSidecarConnect;
  }
  if (type == "container") return kFromContainer | kFromContainerEvent;
  return 0xff;  // nothing is known of it: any may have one
}

// What only those tell who tell of other events than a connect.
constexpr std::uint8_t kFromElsewhere = kFromObserved | kFromKernelArrival;

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
  return holds(check.op, check.quantifier, several_of(check.field), values,
               ParsedOperands<Check>(
                   check, value_type(check.field, check.argument), lists));
}

Decide decide_nothing() {
  return {.check = [](const Check&) { return std::nullopt; },
          .term_check = [](const TermCheck&) { return std::nullopt; }};
}

namespace {

// Of an event of which `may_have_value` tells what cannot be null for good, and
// `more` what is known besides.
Decide known_of(const std::string& type, const std::vector<List>& lists,
                const std::function<bool(FieldId)>& may_have_value,
                const std::function<std::optional<bool>(const Check&)>& more) {
  return {
      .check = [=, &lists](const Check& check) -> std::optional<bool> {
        if (!may_have_value(check.field)) return false;
        if (check.field == FieldId::kEvtType) {
          return holds(check, {Value(type)}, lists);
        }
        return more(check);
      },
      .term_check = [=](const TermCheck& check) -> std::optional<bool> {
        for (const FieldReference& term : fields_of(check)) {
          if (!may_have_value(term.field)) return false;
        }
        return std::nullopt;
      },
  };
}

}  // namespace

Decide known_of_event(const std::string& type, const std::vector<List>& lists) {
  // What nobody tells may have a value all the same: it stays open.
  return known_of(
      type, lists,
      [type](FieldId id) {
        const std::uint8_t from = field(id).from;
        return (from & sources_of(type)) != 0 || (from & ~kFromElsewhere) == 0;
      },
      [=, &lists](const Check& check) -> std::optional<bool> {
        if (type != "connect" && !is_send(type)) return std::nullopt;
        return decide_connect(check, lists);
      });
}

Decide known_of_observed(bailiff_call call, const std::vector<List>& lists) {
  return known_of(
      std::string(event_type_of(call)), lists, [](FieldId) { return true; },
      [](const Check&) { return std::nullopt; });
}

Decide known_of_exec(const std::vector<List>& lists) {
  const auto same = [](bool a, bool b) {
    return a == b ? std::optional(a) : std::nullopt;
  };
  return {
      .check = [=, &lists](const Check& check) -> std::optional<bool> {
        switch (check.field) {
          case FieldId::kEvtType:
          case FieldId::kSyscallType:
            return same(holds(check, {Value("execve")}, lists),
                        holds(check, {Value("execveat")}, lists));
          case FieldId::kEvtRes:
            return holds(check, {Value("SUCCESS")}, lists);
          case FieldId::kEvtRawres:
            return holds(check, {Value(std::int64_t{0})}, lists);
          case FieldId::kEvtFailed:
            return holds(check, {Value(false)}, lists);
          case FieldId::kThreadIsmain:  // the others have ended
            return holds(check, {Value(true)}, lists);
          case FieldId::kEvtBuffer:
          case FieldId::kEvtIsOpenRead:
          case FieldId::kEvtIsOpenWrite:
          case FieldId::kEvtIsOpenExec:
          case FieldId::kEvtIsOpenCreate:
            return false;
          default:
            // There is no descriptor, and so these extract nothing.
            if (field(check.field).cls == FieldClass::kDescriptor) return false;
            return std::nullopt;
        }
      },
      .term_check = [](const TermCheck&) { return std::nullopt; },
  };
}

Decide known_of_finished_connect(const std::vector<List>& lists) {
  Decide decide = decide_nothing();
  decide.check = [&lists](const Check& check) -> std::optional<bool> {
    if (check.field == FieldId::kEvtRes || check.field == FieldId::kEvtRawres ||
        check.field == FieldId::kEvtFailed) {
      return std::nullopt;
    }
    return decide_connect(check, lists);
  };
  return decide;
}

Decide known_of_foreign_connect(const std::vector<List>& lists) {
  const auto is_address = [](FieldId id) {
    const FieldType type = field(id).type;
    return type == FieldType::kAddress || type == FieldType::kNetwork ||
           field(id).falco_type == FalcoType::kPort;
  };
  return {
      .check = [=, &lists](const Check& check) -> std::optional<bool> {
        if (is_address(check.field)) return false;
        if (check.field == FieldId::kFdType) {
          return holds(check, {Value("unix")}, lists);
        }
        if (check.field == FieldId::kFdTypechar) {
          return holds(check, {Value("u")}, lists);
        }
        if (check.field == FieldId::kFdSockfamily) {
          return holds(check, {Value("unix")}, lists);
        }
        if (check.field == FieldId::kFdL4proto) {
          return holds(check, {Value("<NA>")}, lists);
        }
        return decide_connect(check, lists);
      },
      .term_check = [=](const TermCheck& check) -> std::optional<bool> {
        for (const FieldReference& term : fields_of(check)) {
          if (is_address(term.field)) return false;
        }
        return std::nullopt;
      },
  };
}

bool has_no_source(FieldId id, std::string_view argument, Teller teller) {
  const std::uint8_t from = field(id).from;
  switch (teller.kind) {
    case Teller::kConnectHook:
    case Teller::kContainerEvent:
      // What others tell of their events is null in these, but for what is
      // only told by the observer, who would tell it of these too.
      return (from & ~kFromElsewhere) == 0;
    case Teller::kObserver:
      if (id == FieldId::kEvtArg && !is_told(teller.call, argument)) {
        return true;
      }
      return (from & (kFromObserved | kFromContainer)) == 0;
  }
  return true;
}

std::vector<FieldId> fields_without_source(const Expr& expr, Teller teller) {
  std::set<FieldId> ids;
  for (const Leaf& leaf : leaves_of(expr)) {
    // Of fd.lport as much is known as the check asks for.
    if (teller.kind == Teller::kConnectHook && leaf.check != nullptr &&
        decidable_at_connect(*leaf.check)) {
      continue;
    }
    for (std::size_t i = 0; i < leaf.fields.size(); ++i) {
      if (has_no_source(leaf.fields[i], leaf.arguments[i], teller)) {
        ids.insert(leaf.fields[i]);
      }
    }
  }
  return {ids.begin(), ids.end()};
}

bool is_false(const Expr& expr) {
  const auto* constant = std::get_if<Constant>(&expr.node);
  return constant != nullptr && !constant->value;
}

bool is_true(const Expr& expr) {
  const auto* constant = std::get_if<Constant>(&expr.node);
  return constant != nullptr && constant->value;
}

std::vector<Leaf> leaves_of(const Expr& expr) {
  LeafCollector collector;
  collector.collect(expr);
  return std::move(collector.leaves);
}

namespace {

class Approximation {
 public:
  Approximation(const std::function<bool(const Check&)>& open, bool wanted)
      : open_(open), wanted_(wanted) {}

  Expr operator()(const Constant& constant) const { return {constant}; }
  Expr operator()(const Check& check) const {
    if (open_(check)) return {Constant{wanted_}};
    return {check};
  }
  Expr operator()(const TermCheck&) const { return {Constant{wanted_}}; }
  Expr operator()(const Not& node) const {
    return {
        Not{std::visit(Approximation(open_, !wanted_), node.operand->node)}};
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
  bool wanted_;  // what open checks come out as
};

}  // namespace

Expr over_approximate(const Expr& expr,
                      const std::function<bool(const Check&)>& open) {
  const Expr result = std::visit(Approximation(open, true), expr.node);
  return simplify(result, decide_nothing());
}

Expr under_approximate(const Expr& expr,
                       const std::function<bool(const Check&)>& open) {
  const Expr result = std::visit(Approximation(open, false), expr.node);
  return simplify(result, decide_nothing());
}

Expr fold(const Expr& expr, const Facts& facts,
          const std::vector<List>& lists) {
  const auto known = [&](FieldId id, const std::string& argument) {
    return told(facts, id, argument);
  };
  return simplify(
      expr,
      {
          .check = [&](const Check& check) -> std::optional<bool> {
            const auto values = known(check.field, check.argument);
            if (values && !values->empty()) return holds(check, *values, lists);
            if (const auto always = decide_always(check, lists)) return always;
            if (values) return false;
            return std::nullopt;
          },
          .term_check = [&](const TermCheck& check) -> std::optional<bool> {
            for (const FieldReference& term : fields_of(check)) {
              if (!known(term.field, term.argument)) return std::nullopt;
            }
            return holds(
                check,
                [&](const FieldReference& term) {
                  return *known(term.field, term.argument);
                },
                ParsedOperands<TermCheck>(check, type_of(check.left).type,
                                          lists));
          },
      });
}

}  // namespace bailiff
