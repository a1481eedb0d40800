// SPDX-License-Identifier: Apache-2.0
// rules/types/expr.h
// The typed condition: what the front end makes of a rule and everything behind
// it works on.  Macros are gone, lists are references, every operand has the
// type its field needs.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "rules/base/box.h"
#include "rules/base/source.h"
#include "rules/fields/reference.h"
#include "rules/types/value.h"

namespace bailiff {

struct Expr;

// Written to compiled policies: append only, never reorder.
enum class Op : std::uint8_t {
  kExists,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kIn,
  kContains,
  kIcontains,
  kStartswith,
  kEndswith,
  kGlob,
  kIglob,
  kRegex,
  kPmatch,
  kIntersects,
  kBcontains,
  kBstartswith,
};

// Of the operands that stand behind the operator, how many must satisfy it.
enum class Quantifier : std::uint8_t {
  kNone,   // there is one operand, or the operator takes a set
  kOneof,  // exactly one
  kAnyof,  // at least one
  kAllof,  // every one; of no operands none of the three holds
};

// Whether OP of that quantifier is followed by any number of operands.
bool takes_many(Op op, Quantifier quantifier);

// FIELD OP operand(s).  A field that extracts nothing makes every check false,
// kNe included (falco-language, "Null").
struct Check {
  FieldId field = FieldId::kEvtType;
  std::string argument;  // of the field, "" when there is none
  Op op = Op::kEq;
  Quantifier quantifier = Quantifier::kNone;
  // kExists: none.  takes_many(): any number.  Otherwise exactly one.  Their
  // type is that of the field: an IpNetwork for fd.snet, and so on; the
  // operand of kBcontains is the bytes its hexadecimal digits stand for.
  std::vector<Value> values;
  // takes_many() only: indices in CompiledPolicy::lists whose items count too.
  std::vector<std::uint32_t> lists;
  Span span;  // not part of the meaning: ignored by ==, not in compiled files

  bool operator==(const Check& other) const {
    return field == other.field && argument == other.argument &&
           op == other.op && quantifier == other.quantifier &&
           values == other.values && lists == other.lists;
  }
};

// What is computed from fields.  Written to compiled policies: append only.
enum class Transform : std::uint8_t {
  kTolower,
  kToupper,
  kB64,       // decodes; of a text that is no base64, nothing
  kBasename,  // what is behind the last '/'
  kLen,       // bytes of a text, elements of a list
  kJoin,      // (separator, list)
  kConcat,    // (text, text, …)
  kGetopt,    // (arguments, options as getopt(3) has them)
};
std::string_view to_string(Transform transform);

struct Term;

// Numbers among its items are read as text.
struct ListTerm {
  std::vector<Term> items;
  bool operator==(const ListTerm&) const;
};
struct CallTerm {
  Transform transform = Transform::kTolower;
  std::vector<Term> arguments;
  // kGetopt: the one option asked for, "" for all of them.
  std::string option;
  bool operator==(const CallTerm&) const;
};

// A text, a field, a list of terms or a transformed term.
struct Term {
  std::variant<std::string, FieldReference, ListTerm, CallTerm> form;
  bool operator==(const Term&) const = default;
};

inline bool ListTerm::operator==(const ListTerm& other) const {
  return items == other.items;
}
inline bool CallTerm::operator==(const CallTerm& other) const {
  return transform == other.transform && arguments == other.arguments &&
         option == other.option;
}

// Whether the call has as many arguments as its transformer takes.
bool has_right_arity(const CallTerm& call);

struct TermType {
  FalcoType type = FalcoType::kCharbuf;
  bool is_list = false;
  bool operator==(const TermType&) const = default;
};

// Precondition: the term was checked, or decoded.
TermType type_of(const Term& term);

// LEFT OP operand(s) where more than a field is on the left, or a term on the
// right: `tolower(proc.name) = java`, `proc.name = val(proc.pname)`.  False
// when a term gives nothing.
struct TermCheck {
  Term left;
  Op op = Op::kEq;
  Quantifier quantifier = Quantifier::kNone;
  // At most one: what the left side is compared with.  It has its type.
  std::vector<Term> right;
  // Without it: as in a Check, of the type of `left`.
  std::vector<Value> values;
  std::vector<std::uint32_t> lists;
  Span span;  // as in a Check

  bool operator==(const TermCheck& other) const {
    return left == other.left && op == other.op &&
           quantifier == other.quantifier && right == other.right &&
           values == other.values && lists == other.lists;
  }
};

// Every field of the term, in order.
std::vector<FieldReference> fields_of(const Term& term);
std::vector<FieldReference> fields_of(const TermCheck& check);

struct Constant {
  bool value = false;
  bool operator==(const Constant&) const = default;
};
struct Not {
  Box<Expr> operand;
  bool operator==(const Not&) const;
};
// Never empty.  Operands are evaluated in order, as written.
struct And {
  std::vector<Expr> operands;
  bool operator==(const And&) const;
};
struct Or {
  std::vector<Expr> operands;
  bool operator==(const Or&) const;
};

struct Expr {
  std::variant<Constant, Check, TermCheck, Not, And, Or> node;
  bool operator==(const Expr&) const = default;
};

inline bool Not::operator==(const Not& other) const {
  return operand == other.operand;
}
inline bool And::operator==(const And& other) const {
  return operands == other.operands;
}
inline bool Or::operator==(const Or& other) const {
  return operands == other.operands;
}

// The expression in Falco's syntax, with the fewest parentheses; a list is
// printed by the name `list_name(index)` gives.
std::string to_string(const Expr& expr,
                      const std::vector<std::string>& list_names);
std::string to_string(const Term& term);
std::string_view to_string(Op op);
std::string_view to_string(Quantifier quantifier);  // "" for kNone

}  // namespace bailiff
