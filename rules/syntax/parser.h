// SPDX-License-Identifier: Apache-2.0
// rules/syntax/parser.h
// Falco's condition grammar (falco-language, section 1):
//
//   Expr       ::= AndExpr ('or' (AndExpr | Tight))*
//   AndExpr    ::= NotExpr ('and' (NotExpr | Tight))*
//   NotExpr    ::= 'not'* (Check | Tight)
//   Tight      ::= '(' Expr ')'           with no blank before it
//   Check      ::= '(' Expr ')' | (Field | Call) Cond | Identifier
//   Cond       ::= 'exists'
//                | ('<' | '<=' | '>' | '>=') (Number | Right)
//                | ('=' | '==' | '!=' | 'glob' | 'contains' | …)
//                  (Str | Right | Quantifier List)
//                | ('in' | 'intersects' | 'pmatch') (List | Right)
//   List       ::= '(' [Str (',' Str)*] ')' | Identifier
//   Right      ::= Call | 'val(' Field ')' [Brackets]
//   Call       ::= Transform '(' Argument (',' Argument)* ')' [Brackets]
//   Argument   ::= Simple | '(' [Simple (',' Simple)*] ')'
//   Simple     ::= Call | Field | Quoted | Number
//   Field      ::= Identifier ('.' Identifier)+ [Brackets]
//   Brackets   ::= '[' (Quoted | Bare) ']'
//   Quantifier ::= 'oneof' | 'anyof' | 'allof'
//
// Keywords are case-sensitive; 'and', 'or' and 'not' want a blank or a
// parenthesis behind them; two negations cancel.  After 'or(' nothing but
// another 'or' may follow its ')', so that 'a or(b) and c' is a mistake.  Word
// operators and quantifiers want a blank behind them, and quantifiers one
// before them: '=oneof' is a value.  No blank may stand before the '(' of a
// call.  How many arguments a transformer takes, and of which type, is not a
// question of the grammar.
//
// In two things this is stricter than Falco's parser.  A list whose first value
// has a wrong escape, as in '("\q")', is empty to Falco, and the rule then
// never holds.  \b, \f and \v end a value, and the latter two are no blanks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "rules/base/diagnostic.h"
#include "rules/document/located_text.h"
#include "rules/syntax/ast.h"

namespace bailiff::syntax {

// Productions of the grammar inside one another, counted as Falco's engine
// counts them; this many are refused.  A parenthesis costs five ('not(' four,
// 'and(' three, 'or(' two), a call in a call two: comparisons may stand in 198
// parentheses.
inline constexpr int kMaxDepth = 1000;

// The item a condition belongs to, for diagnostics.
struct Owner {
  std::string type;  // "rule"
  std::string name;
};

// Parses a whole condition.  nullopt after one error
// (LOAD_ERR_COMPILE_CONDITION) at the first mistake.  Warns of values in
// typographic quotes, which quote nothing.
std::optional<Node> parse_condition(const LocatedText& text, const Owner& owner,
                                    Diagnostics& diagnostics);

// A call in another text, such as `toupper(proc.name)` in an output.
struct CallInText {
  Call call;
  std::size_t end = 0;  // the byte behind it
};

// Parses the call at byte `begin`.  nullopt after one error, as above.
std::optional<CallInText> parse_call(const LocatedText& text, std::size_t begin,
                                     const Owner& owner,
                                     Diagnostics& diagnostics);

}  // namespace bailiff::syntax
