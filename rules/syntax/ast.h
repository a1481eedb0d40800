// SPDX-License-Identifier: Apache-2.0
// rules/syntax/ast.h
// A condition as written.  Names are not looked up and values have no type;
// every node knows its place.  Equality ignores places.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/base/box.h"
#include "rules/base/source.h"

namespace bailiff::syntax {

enum class Operator : std::uint8_t {
  kExists,
  kEq,  // "=" and "=="
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kGlob,
  kIglob,
  kContains,
  kIcontains,
  kBcontains,
  kStartswith,
  kBstartswith,
  kEndswith,
  kRegex,
  kIntersects,
  kIn,
  kPmatch,
};
std::string_view to_string(Operator op);

// What kind of operand an operator takes, by the grammar.
enum class OperandKind : std::uint8_t { kNone, kNumber, kText, kList };
OperandKind operand_kind(Operator op);

// A field with its argument: `proc.aname[2]`.
struct FieldName {
  std::string name;
  std::string argument;
  bool has_argument = false;
  Span span;

  bool operator==(const FieldName& other) const {
    return name == other.name && argument == other.argument &&
           has_argument == other.has_argument;
  }
};

// A value on the right of an operator, unescaped.
struct Operand {
  std::string text;
  bool quoted = false;  // a quoted one never names a list
  Span span;
};

struct Comparison {
  FieldName field;
  Operator op = Operator::kExists;
  Span op_span;
  std::vector<Operand> operands;
  // `in NAME`: the one operand was written without parentheses.
  bool list_by_name = false;
  Span span;

  bool operator==(const Comparison& other) const;
};

struct MacroUse {
  std::string name;
  Span span;

  bool operator==(const MacroUse& other) const { return name == other.name; }
};

struct Node;

struct Negation {
  Box<Node> operand;
  Span span;

  bool operator==(const Negation& other) const;
};

// At least two operands.
struct Conjunction {
  std::vector<Node> operands;
  Span span;

  bool operator==(const Conjunction& other) const;
};
struct Disjunction {
  std::vector<Node> operands;
  Span span;

  bool operator==(const Disjunction& other) const;
};

struct Node {
  std::variant<Comparison, MacroUse, Negation, Conjunction, Disjunction> form;

  bool operator==(const Node&) const = default;
};

inline bool Negation::operator==(const Negation& other) const {
  return operand == other.operand;
}
inline bool Conjunction::operator==(const Conjunction& other) const {
  return operands == other.operands;
}
inline bool Disjunction::operator==(const Disjunction& other) const {
  return operands == other.operands;
}

Span span_of(const Node& node);

}  // namespace bailiff::syntax
