// SPDX-License-Identifier: Apache-2.0
// tests/harness/condition_places.h
// Whether the nodes of a parsed condition know their places.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "rules/syntax/ast.h"
#include "rules/syntax/lexer.h"

namespace bailiff::test {

// Checks a tree that was parsed from `text` at offset 0 of a source: each name,
// operator and value is spelled where its span says, what is in a node lies
// inside its span, and siblings lie one behind the other.
class ConditionPlaces {
 public:
  explicit ConditionPlaces(std::string_view text) : text_(text) {}

  bool are_exact(const syntax::Node& node) const {
    return holds(node, whole());
  }

 private:
  Span whole() const {
    return {.begin = 0, .end = static_cast<std::uint32_t>(text_.size())};
  }
  std::string_view at(const Span& span) const {
    return text_.substr(span.begin, span.end - span.begin);
  }
  static bool inside(const Span& inner, const Span& outer) {
    return outer.begin <= inner.begin && inner.begin < inner.end &&
           inner.end <= outer.end;
  }

  template <typename Form>
  bool all_hold(const std::vector<Form>& forms, Span outer) const {
    return std::all_of(forms.begin(), forms.end(), [&](const Form& form) {
      const bool good = holds(form, outer);
      outer.begin = span_of(form).end;
      return good;
    });
  }

  bool holds(const syntax::Node& node, const Span& outer) const {
    struct Visitor {
      const ConditionPlaces& places;
      bool operator()(const syntax::Comparison& form) const {
        return places.comparison_holds(form);
      }
      bool operator()(const syntax::MacroUse& form) const {
        return places.at(form.span) == form.name;
      }
      bool operator()(const syntax::Negation& form) const {
        return places.at(form.span).starts_with("not") &&
               places.holds(*form.operand, form.span);
      }
      bool operator()(const syntax::Conjunction& form) const {
        return places.all_hold(form.operands, form.span);
      }
      bool operator()(const syntax::Disjunction& form) const {
        return places.all_hold(form.operands, form.span);
      }
    };
    return inside(span_of(node), outer) &&
           std::visit(Visitor{*this}, node.form);
  }

  bool comparison_holds(const syntax::Comparison& form) const {
    const std::string_view op = at(form.op_span);
    const bool spelled = op == to_string(form.op) ||
                         (form.op == syntax::Operator::kEq && op == "==");
    Span right = form.span;
    right.begin = form.op_span.end;
    if (form.quantifier != syntax::Quantifier::kNone) {
      if (at(form.quantifier_span) != to_string(form.quantifier)) return false;
      if (!inside(form.quantifier_span, right)) return false;
      right.begin = form.quantifier_span.end;
    }
    return spelled && inside(form.op_span, form.span) &&
           holds(form.left,
                 {.begin = form.span.begin, .end = form.op_span.begin}) &&
           all_hold(form.operands, right);
  }

  bool holds(const syntax::Term& term, const Span& outer) const {
    struct Visitor {
      const ConditionPlaces& places;
      bool operator()(const syntax::Literal& form) const {
        const std::string_view spelled = places.at(form.span);
        return form.quoted ? syntax::unquote(spelled) == form.text
                           : spelled == form.text;
      }
      bool operator()(const syntax::FieldName& form) const {
        const std::string_view spelled = places.at(form.span);
        return form.has_argument ? spelled.starts_with(form.name + "[") &&
                                       spelled.ends_with(']')
                                 : spelled == form.name;
      }
      bool operator()(const syntax::Call& form) const {
        const std::string_view name = to_string(form.transform);
        return places.at(form.transform_span) == name &&
               form.transform_span.begin == form.span.begin &&
               places.at(form.span).ends_with(form.has_bracket ? ']' : ')') &&
               places.all_hold(
                   form.arguments,
                   {.begin = form.transform_span.end, .end = form.span.end});
      }
      bool operator()(const syntax::TermList& form) const {
        const std::string_view spelled = places.at(form.span);
        return spelled.starts_with('(') && spelled.ends_with(')') &&
               places.all_hold(form.items, form.span);
      }
    };
    return inside(span_of(term), outer) &&
           std::visit(Visitor{*this}, term.form);
  }

  std::string_view text_;
};

}  // namespace bailiff::test
