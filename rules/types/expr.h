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
#include "rules/fields/field.h"
#include "rules/types/value.h"

namespace bailiff {

struct Expr;

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
};

// FIELD OP operand(s).  A field that extracts nothing makes every check false,
// kNe included (falco-language, "Null").
struct Check {
  FieldId field = FieldId::kEvtType;
  std::string argument;  // of the field, "" when there is none
  Op op = Op::kEq;
  // kExists: none.  kIn: any number.  Otherwise exactly one.  Their type is
  // that of the field: an IpNetwork for fd.snet, and so on.
  std::vector<Value> values;
  // kIn only: indices in CompiledPolicy::lists whose items count too.
  std::vector<std::uint32_t> lists;
  Span span;  // not part of the meaning: ignored by ==, not in compiled files

  bool operator==(const Check& other) const {
    return field == other.field && argument == other.argument &&
           op == other.op && values == other.values && lists == other.lists;
  }
};

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
  std::variant<Constant, Check, Not, And, Or> node;
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
std::string_view to_string(Op op);

}  // namespace bailiff
