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

bool Comparison::operator==(const Comparison& other) const {
  // Outside a list quotes make no difference.
  const bool list = operand_kind(op) == OperandKind::kList;
  const auto same = [&](const Operand& a, const Operand& b) {
    return a.text == b.text && (!list || a.quoted == b.quoted);
  };
  return field == other.field && op == other.op &&
         list_by_name == other.list_by_name &&
         std::equal(operands.begin(), operands.end(), other.operands.begin(),
                    other.operands.end(), same);
}

Span span_of(const Node& node) {
  return std::visit([](const auto& form) { return form.span; }, node.form);
}

}  // namespace bailiff::syntax
