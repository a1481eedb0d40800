// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/ast.h"

#include <algorithm>

namespace bailiff::syntax {

std::string_view to_string(Operator op) {
  switch (op) {
    case Operator::kExists:
      return "exists";
    case Operator::kEq:
      return "=";
    case Operator::kNe:
      return "!=";
    case Operator::kLt:
      return "<";
    case Operator::kLe:
      return "<=";
    case Operator::kGt:
      return ">";
    case Operator::kGe:
      return ">=";
    case Operator::kGlob:
      return "glob";
    case Operator::kIglob:
      return "iglob";
    case Operator::kContains:
      return "contains";
    case Operator::kIcontains:
      return "icontains";
    case Operator::kBcontains:
      return "bcontains";
    case Operator::kStartswith:
      return "startswith";
    case Operator::kBstartswith:
      return "bstartswith";
    case Operator::kEndswith:
      return "endswith";
    case Operator::kRegex:
      return "regex";
    case Operator::kIntersects:
      return "intersects";
    case Operator::kIn:
      return "in";
    case Operator::kPmatch:
      return "pmatch";
  }
  return "";
}

OperandKind operand_kind(Operator op) {
  switch (op) {
    case Operator::kExists:
      return OperandKind::kNone;
    case Operator::kLt:
    case Operator::kLe:
    case Operator::kGt:
    case Operator::kGe:
      return OperandKind::kNumber;
    case Operator::kEq:
    case Operator::kNe:
    case Operator::kGlob:
    case Operator::kIglob:
    case Operator::kContains:
    case Operator::kIcontains:
    case Operator::kBcontains:
    case Operator::kStartswith:
    case Operator::kBstartswith:
    case Operator::kEndswith:
    case Operator::kRegex:
      return OperandKind::kText;
    case Operator::kIntersects:
    case Operator::kIn:
    case Operator::kPmatch:
      return OperandKind::kList;
  }
  return OperandKind::kNone;
}

std::string_view to_string(Quantifier quantifier) {
  switch (quantifier) {
    case Quantifier::kNone:
      return "";
    case Quantifier::kOneof:
      return "oneof";
    case Quantifier::kAnyof:
      return "anyof";
    case Quantifier::kAllof:
      return "allof";
  }
  return "";
}

std::string_view to_string(Transform transform) {
  switch (transform) {
    case Transform::kTolower:
      return "tolower";
    case Transform::kToupper:
      return "toupper";
    case Transform::kB64:
      return "b64";
    case Transform::kBasename:
      return "basename";
    case Transform::kLen:
      return "len";
    case Transform::kJoin:
      return "join";
    case Transform::kConcat:
      return "concat";
    case Transform::kGetopt:
      return "getopt";
    case Transform::kVal:
      return "val";
  }
  return "";
}

bool Comparison::takes_list() const {
  if (right_call() != nullptr) return false;
  return quantifier != Quantifier::kNone ||
         operand_kind(op) == OperandKind::kList;
}

bool Comparison::is_plain() const {
  return field() != nullptr && quantifier == Quantifier::kNone &&
         right_call() == nullptr;
}

bool Comparison::operator==(const Comparison& other) const {
  const auto same = [&](const Term& a, const Term& b) {
    const Literal* text = a.literal();
    const Literal* other_text = b.literal();
    if (takes_list() || text == nullptr || other_text == nullptr) return a == b;
    return text->text == other_text->text;
  };
  return left == other.left && op == other.op &&
         quantifier == other.quantifier && list_by_name == other.list_by_name &&
         std::equal(operands.begin(), operands.end(), other.operands.begin(),
                    other.operands.end(), same);
}

Span span_of(const Term& term) {
  return std::visit([](const auto& form) { return form.span; }, term.form);
}

Span span_of(const Node& node) {
  return std::visit([](const auto& form) { return form.span; }, node.form);
}

}  // namespace bailiff::syntax
