// SPDX-License-Identifier: Apache-2.0
// rules/lower/fold.h
// Folding with any kind of knowledge; lower.h has the one for container facts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/fields/field.h"
#include "rules/lower/observed.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff {

// What is known of a check: that it holds, that it does not, or nothing.
struct Decide {
  std::function<std::optional<bool>(const Check&)> check;
  std::function<std::optional<bool>(const TermCheck&)> term_check;
};
// Knows nothing.
Decide decide_nothing();

// Replaces the checks `decide` knows by constants and removes those from
// and/or/not, as far as they go (Kleene); flattens and/or, cancels double
// negation.  A Constant is left only as the whole result.
Expr simplify(const Expr& expr, const Decide& decide);

// Whether `check` holds on a field that extracts `values`; none: nothing.
// Lists of any length are walked: this is for what is decided once.
bool holds(const Check& check, const std::vector<Value>& values,
           const std::vector<List>& lists);

// What holds of every event of the type, in every container; the empty type
// stands for any without a name in the rules.
Decide known_of_event(const std::string& type, const std::vector<List>& lists);

// The same for a connect whose result is not known.
Decide known_of_finished_connect(const std::vector<List>& lists);

// The same for a connect over a socket that is neither IPv4 nor IPv6.
Decide known_of_foreign_connect(const std::vector<List>& lists);

// The same for an event of a call that is observed after the fact.
Decide known_of_observed(bailiff_call call, const std::vector<List>& lists);

// The same when a program was executed, by whichever call.
Decide known_of_exec(const std::vector<List>& lists);

// Who tells of an event.
struct Teller {
  enum Kind { kConnectHook, kContainerEvent, kObserver };
  Kind kind = kConnectHook;
  bailiff_call call = BAILIFF_CALL_CONNECT;  // kObserver only
};
// A field whose value the teller does not know yet.  It is unknown and not
// null: a rule that comes to depend on one cannot be decided.
bool has_no_source(FieldId id, std::string_view argument, Teller teller);
// Those the expression names, each once, by id.
std::vector<FieldId> fields_without_source(const Expr& expr, Teller teller);

bool is_false(const Expr& expr);
bool is_true(const Expr& expr);

// A check of either kind.
struct Leaf {
  const Check* check = nullptr;  // nullptr: a check of terms
  std::vector<FieldId> fields;   // that it needs, as often as it names them
  std::vector<std::string> arguments;  // of the fields
};
// Every check of the expression, in order; borrows from it.
std::vector<Leaf> leaves_of(const Expr& expr);

// Something that holds whenever `expr` could: the checks for which `open`
// is true, and every check of terms, are taken to come out so that it holds.
Expr over_approximate(const Expr& expr,
                      const std::function<bool(const Check&)>& open);
// Something that holds only when `expr` does: the other way round.
Expr under_approximate(const Expr& expr,
                       const std::function<bool(const Check&)>& open);

}  // namespace bailiff
