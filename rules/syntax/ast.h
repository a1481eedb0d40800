// SPDX-License-Identifier: Apache-2.0
// rules/syntax/ast.h
// A condition as written.  Names are not looked up and values have no type;
// every node knows its place.  Equality ignores places.
//
//   Node        Comparison, MacroUse, Negation, Conjunction, Disjunction
//   Comparison  Term Operator [Quantifier] Term...
//   Term        Literal, FieldName, Call, TermList
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
inline constexpr Operator kOperators[] = {
    Operator::kExists,     Operator::kEq,          Operator::kNe,
    Operator::kLt,         Operator::kLe,          Operator::kGt,
    Operator::kGe,         Operator::kGlob,        Operator::kIglob,
    Operator::kContains,   Operator::kIcontains,   Operator::kBcontains,
    Operator::kStartswith, Operator::kBstartswith, Operator::kEndswith,
    Operator::kRegex,      Operator::kIntersects,  Operator::kIn,
    Operator::kPmatch,
};
std::string_view to_string(Operator op);

// What kind of operand an operator takes, by the grammar.  A Call may stand in
// place of any but kNone.
enum class OperandKind : std::uint8_t { kNone, kNumber, kText, kList };
OperandKind operand_kind(Operator op);

// How many of a list of operands the comparison must hold for.
enum class Quantifier : std::uint8_t { kNone, kOneof, kAnyof, kAllof };
inline constexpr Quantifier kQuantifiers[] = {
    Quantifier::kOneof, Quantifier::kAnyof, Quantifier::kAllof};
std::string_view to_string(Quantifier quantifier);  // empty for kNone

// A function of values.
enum class Transform : std::uint8_t {
  kTolower,
  kToupper,
  kB64,
  kBasename,
  kLen,
  kJoin,
  kConcat,
  kGetopt,
  kVal,  // the field itself; only on the right of an operator
};
inline constexpr Transform kTransforms[] = {
    Transform::kTolower,  Transform::kToupper, Transform::kB64,
    Transform::kBasename, Transform::kLen,     Transform::kJoin,
    Transform::kConcat,   Transform::kGetopt,  Transform::kVal,
};
std::string_view to_string(Transform transform);

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

// A value, unescaped.
struct Literal {
  std::string text;
  bool quoted = false;  // a quoted one never names a list
  Span span;            // with its quotes

  bool operator==(const Literal& other) const {
    return text == other.text && quoted == other.quoted;
  }
};

struct Term;

// `tolower(proc.name)`, `getopt(proc.args, "nt:")[t]`.
struct Call {
  Transform transform = Transform::kVal;
  std::vector<Term> arguments;
  // What stands in brackets behind the call, unescaped.
  std::string bracket;
  bool has_bracket = false;
  Span transform_span;  // of the name alone
  Span span;

  bool operator==(const Call& other) const;
};

// `(fd.name, "x")` as an argument of a Call.
struct TermList {
  std::vector<Term> items;
  Span span;

  bool operator==(const TermList& other) const;
};

struct Term {
  std::variant<Literal, FieldName, Call, TermList> form;

  // The term if it is of that form, else null.
  const Literal* literal() const { return std::get_if<Literal>(&form); }
  const FieldName* field() const { return std::get_if<FieldName>(&form); }
  const Call* call() const { return std::get_if<Call>(&form); }

  bool operator==(const Term&) const = default;
};

inline bool Call::operator==(const Call& other) const {
  return transform == other.transform && arguments == other.arguments &&
         bracket == other.bracket && has_bracket == other.has_bracket;
}
inline bool TermList::operator==(const TermList& other) const {
  return items == other.items;
}

Span span_of(const Term& term);

struct Comparison {
  Term left;  // FieldName or Call
  Operator op = Operator::kExists;
  Span op_span;
  Quantifier quantifier = Quantifier::kNone;
  Span quantifier_span;
  // Literals, or one Call.  Unless takes_list(): none for `exists`, else one.
  std::vector<Term> operands;
  // `in NAME`: the one operand was written without parentheses.
  bool list_by_name = false;
  Span span;

  // The field on the left, null when a Call stands there.
  const FieldName* field() const { return left.field(); }
  // The call on the right, null when there is none.
  const Call* right_call() const {
    return operands.size() == 1 ? operands.front().call() : nullptr;
  }
  // Whether the operands are a list, in which a name may be that of a list.
  bool takes_list() const;
  // Field, operator, literals; no transformer and no quantifier.
  bool is_plain() const;

  // Outside lists quotes make no difference.
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
