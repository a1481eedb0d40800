// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/macros.h"

#include <algorithm>
#include <utility>

#include "rules/base/codes.h"

namespace bailiff {
namespace {

using syntax::Comparison;
using syntax::Conjunction;
using syntax::Disjunction;
using syntax::MacroUse;
using syntax::Negation;
using syntax::Node;
using syntax::Owner;

// Calls `visit` for every Comparison and MacroUse of the tree, in order.
template <typename Visit>
void for_each_leaf(const Node& node, const Visit& visit) {
  struct Walker {
    const Visit& visit;
    void operator()(const Comparison& form) const { visit(form); }
    void operator()(const MacroUse& form) const { visit(form); }
    void operator()(const Negation& form) const {
      for_each_leaf(*form.operand, visit);
    }
    void operator()(const Conjunction& form) const {
      for (const Node& operand : form.operands) for_each_leaf(operand, visit);
    }
    void operator()(const Disjunction& form) const {
      for (const Node& operand : form.operands) for_each_leaf(operand, visit);
    }
  };
  std::visit(Walker{visit}, node.form);
}

std::size_t saturating_add(std::size_t a, std::size_t b) {
  return std::min(a + b, kMaxConditionSize + 1);
}

std::size_t size_of(const std::vector<syntax::Term>& terms);

std::size_t size_of(const syntax::Term& term) {
  constexpr std::size_t kBytesPerUnit = 16;
  struct Visitor {
    std::size_t operator()(const syntax::Literal& form) const {
      return 1 + form.text.size() / kBytesPerUnit;
    }
    std::size_t operator()(const syntax::FieldName& form) const {
      return 1 + form.argument.size() / kBytesPerUnit;
    }
    std::size_t operator()(const syntax::Call& form) const {
      return 1 + form.bracket.size() / kBytesPerUnit + size_of(form.arguments);
    }
    std::size_t operator()(const syntax::TermList& form) const {
      return 1 + size_of(form.items);
    }
  };
  return std::visit(Visitor{}, term.form);
}

std::size_t size_of(const std::vector<syntax::Term>& terms) {
  std::size_t size = 0;
  for (const syntax::Term& term : terms) size += size_of(term);
  return size;
}

std::size_t size_of(const Comparison& comparison) {
  return size_of(comparison.left) + size_of(comparison.operands);
}

}  // namespace

Macros::Macros(const Definitions& definitions, Diagnostics& diagnostics)
    : definitions_(definitions), diagnostics_(diagnostics) {
  const std::vector<RawMacro>& raw = definitions.macros;
  for (std::uint32_t i = 0; i < raw.size(); ++i) {
    index_.emplace(raw[i].name.text, i);
  }
  macros_.resize(raw.size());
  for (std::uint32_t i = 0; i < raw.size(); ++i) parse_macro(i);
  measure_all();
}

std::optional<Node> Macros::parse(const LocatedText& condition,
                                  const Owner& owner) {
  std::optional<Node> node =
      syntax::parse_condition(condition, owner, diagnostics_);
  if (!node) return std::nullopt;
  std::vector<std::uint32_t> uses;
  if (!look_up(*node, SIZE_MAX, owner, uses)) return std::nullopt;
  const bool usable =
      std::all_of(uses.begin(), uses.end(),
                  [&](std::uint32_t use) { return macros_[use].usable; });
  if (!usable) return std::nullopt;
  const Measure total = measure(*node);
  if (!fits(total, condition.span(), owner)) return std::nullopt;
  size_ = saturating_add(size_, total.size);
  return replaced(*node);
}

std::vector<const RawMacro*> Macros::unused() const {
  std::vector<const RawMacro*> result;
  for (std::size_t i = 0; i < macros_.size(); ++i) {
    if (!macros_[i].used) result.push_back(&definitions_.macros[i]);
  }
  return result;
}

void Macros::parse_macro(std::uint32_t index) {
  const RawMacro& raw = definitions_.macros[index];
  const Owner owner = {.type = "macro", .name = raw.name.text};
  Macro& macro = macros_[index];
  macro.node = syntax::parse_condition(raw.condition, owner, diagnostics_);
  macro.usable =
      macro.node && look_up(*macro.node, raw.changed, owner, macro.uses);
}

bool Macros::look_up(const Node& node, std::size_t visible_below,
                     const Owner& owner, std::vector<std::uint32_t>& uses) {
  struct Visit {
    Macros& macros;
    std::size_t visible_below;
    const Owner& owner;
    std::vector<std::uint32_t>& uses;
    bool& good;

    void operator()(const Comparison& /*comparison*/) const {}

    void operator()(const MacroUse& use) const {
      const auto found = macros.index_.find(use.name);
      if (found == macros.index_.end()) {
        good = false;
        if (macros.definitions_.is_broken("macro", use.name)) return;
        macros.refuse(codes::kValidate, use.span,
                      "unknown macro '" + use.name + "'",
                      macros.suggestion(use.name), owner);
        return;
      }
      const RawMacro& macro = macros.definitions_.macros[found->second];
      macros.macros_[found->second].used = true;
      uses.push_back(found->second);
      if (macro.defined >= visible_below && macro.name.text != owner.name) {
        good = false;
        macros.refuse(codes::kValidate, use.span,
                      "macro '" + use.name + "' is defined only after '" +
                          owner.name + "', which uses it",
                      "define it first", owner);
      }
    }
  };
  bool good = true;
  for_each_leaf(node, Visit{*this, visible_below, owner, uses, good});
  return good;
}

std::string Macros::suggestion(std::string_view name) const {
  if (diagnostics_.error_count() > kMaxSuggestions) return {};
  std::vector<std::string_view> names;
  for (const RawMacro& macro : definitions_.macros) {
    names.push_back(macro.name.text);
  }
  const std::string_view near = nearest(name, names);
  if (near.empty()) return {};
  return "did you mean '" + std::string(near) + "'?";
}

// Depth first without recursion: a chain may be as long as there are macros.
// A macro is measured after all it uses.
void Macros::measure_all() {
  enum class State : std::uint8_t { kNew, kOpen, kDone };
  std::vector<State> states(macros_.size(), State::kNew);
  struct Step {
    std::uint32_t macro;
    std::size_t next;  // in its uses
  };
  for (std::uint32_t root = 0; root < macros_.size(); ++root) {
    if (states[root] != State::kNew) continue;
    std::vector<Step> path = {{.macro = root, .next = 0}};
    states[root] = State::kOpen;
    while (!path.empty()) {
      Step& step = path.back();
      Macro& macro = macros_[step.macro];
      if (step.next == macro.uses.size()) {
        states[step.macro] = State::kDone;
        measure_one(step.macro);
        path.pop_back();
        continue;
      }
      const std::uint32_t inner = macro.uses[step.next++];
      if (states[inner] == State::kOpen && macro.usable) {
        const std::string& name = definitions_.macros[inner].name.text;
        macro.usable = false;
        refuse(codes::kValidate, definitions_.macros[step.macro].name.span,
               "reference loop in macro '" + name + "'", {},
               {.type = "macro",
                .name = definitions_.macros[step.macro].name.text});
      } else if (states[inner] == State::kNew) {
        states[inner] = State::kOpen;
        path.push_back({.macro = inner, .next = 0});
      }
    }
  }
}

void Macros::measure_one(std::uint32_t index) {
  Macro& macro = macros_[index];
  for (const std::uint32_t use : macro.uses) {
    macro.usable = macro.usable && macros_[use].usable;
  }
  if (!macro.usable) return;
  const RawMacro& raw = definitions_.macros[index];
  const Measure own = measure(*macro.node);
  macro.size = own.size;
  macro.depth = own.depth;
  macro.usable =
      fits(own, raw.name.span, {.type = "macro", .name = raw.name.text});
}

// Precondition: every macro the tree uses is usable and measured.
Macros::Measure Macros::measure(const Node& node) const {
  struct Visitor {
    const Macros& macros;
    Measure operator()(const Comparison& form) const {
      return {.size = size_of(form), .depth = 0};
    }
    Measure operator()(const MacroUse& form) const {
      const Macro& macro = macros.macros_[macros.index_.at(form.name)];
      return {.size = macro.size, .depth = macro.depth};
    }
    Measure operator()(const Negation& form) const {
      Measure measure = macros.measure(*form.operand);
      ++measure.depth;
      return measure;
    }
    Measure operator()(const Conjunction& form) const {
      return all(form.operands);
    }
    Measure operator()(const Disjunction& form) const {
      return all(form.operands);
    }
    Measure all(const std::vector<Node>& nodes) const {
      Measure sum;
      for (const Node& inner : nodes) {
        const Measure part = macros.measure(inner);
        sum.size = saturating_add(sum.size, part.size);
        sum.depth = std::max(sum.depth, part.depth);
      }
      ++sum.depth;
      return sum;
    }
  };
  return std::visit(Visitor{*this}, node.form);
}

bool Macros::fits(const Measure& measure, Span place, const Owner& owner) {
  if (measure.depth > kMaxConditionDepth) {
    refuse(codes::kCompileCondition, place,
           "and, or and not are nested deeper than " +
               std::to_string(kMaxConditionDepth) + " with macros replaced",
           {}, owner);
    return false;
  }
  if (saturating_add(size_, measure.size) > kMaxConditionSize) {
    refuse(codes::kCompileCondition, place,
           "condition is too large with macros replaced",
           "put long enumerations into lists", owner);
    return false;
  }
  return true;
}

Node Macros::replaced(const Node& node) const {
  struct Visitor {
    const Macros& macros;
    Node operator()(const Comparison& form) const { return {form}; }
    Node operator()(const MacroUse& form) const {
      const Macro& macro = macros.macros_[macros.index_.at(form.name)];
      return macros.replaced(*macro.node);
    }
    Node operator()(const Negation& form) const {
      return {Negation{.operand = macros.replaced(*form.operand),
                       .span = form.span}};
    }
    Node operator()(const Conjunction& form) const {
      return {Conjunction{.operands = all(form.operands), .span = form.span}};
    }
    Node operator()(const Disjunction& form) const {
      return {Disjunction{.operands = all(form.operands), .span = form.span}};
    }
    std::vector<Node> all(const std::vector<Node>& nodes) const {
      std::vector<Node> result;
      result.reserve(nodes.size());
      for (const Node& inner : nodes) result.push_back(macros.replaced(inner));
      return result;
    }
  };
  return std::visit(Visitor{*this}, node.form);
}

void Macros::refuse(const char* code, Span span, std::string message,
                    std::string hint, const Owner& owner) {
  diagnostics_.add({.severity = Severity::kError,
                    .code = code,
                    .message = std::move(message),
                    .span = span,
                    .hint = std::move(hint),
                    .item_type = owner.type,
                    .item_name = owner.name});
}

}  // namespace bailiff
