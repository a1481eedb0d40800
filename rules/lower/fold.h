// SPDX-License-Identifier: Apache-2.0
// rules/lower/fold.h
// Folding with any kind of knowledge; lower.h has the one for container facts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rules/fields/field.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff {

// What is known of a check: that it holds, that it does not, or nothing.
using Decide = std::function<std::optional<bool>(const Check&)>;

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

bool is_false(const Expr& expr);
bool is_true(const Expr& expr);

// Every check of the expression, in order.
std::vector<const Check*> checks_of(const Expr& expr);

// Something that holds whenever `expr` could: the checks for which `open`
// is true are taken to come out so that it holds.
Expr over_approximate(const Expr& expr,
                      const std::function<bool(const Check&)>& open);

}  // namespace bailiff
