// SPDX-License-Identifier: Apache-2.0
// rules/syntax/parser.h
// Falco's condition grammar (falco-language, section 1):
//
//   Expr    ::= AndExpr ('or' AndExpr)*
//   AndExpr ::= NotExpr ('and' NotExpr)*
//   NotExpr ::= 'not'* Check
//   Check   ::= '(' Expr ')' | Field Cond | Identifier
//   Cond    ::= 'exists'
//             | ('<' | '<=' | '>' | '>=') Number
//             | ('=' | '==' | '!=' | 'glob' | 'contains' | …) Str
//             | ('in' | 'intersects' | 'pmatch') List
//   List    ::= '(' [Str (',' Str)*] ')' | Identifier
//   Field   ::= Identifier ('.' Identifier)+ ['[' Argument ']']
//
// 'and', 'or' and 'not' want a blank or a parenthesis behind them; keywords are
// case-sensitive; two negations cancel.  Transformers, val() and the modifiers
// oneof, anyof and allof are recognised and refused by name.
#pragma once

#include <optional>
#include <string>

#include "rules/base/diagnostic.h"
#include "rules/document/located_text.h"
#include "rules/syntax/ast.h"

namespace bailiff::syntax {

// Parentheses inside one another.  Falco's engine has a depth of 1000 of its
// own counting, which comes to this many.
inline constexpr int kMaxNesting = 198;

// The item a condition belongs to, for diagnostics.
struct Owner {
  std::string type;  // "rule"
  std::string name;
};

// Parses a whole condition.  nullopt after one diagnostic
// (LOAD_ERR_COMPILE_CONDITION) at the first mistake.
std::optional<Node> parse_condition(const LocatedText& text, const Owner& owner,
                                    Diagnostics& diagnostics);

}  // namespace bailiff::syntax
