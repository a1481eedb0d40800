// SPDX-License-Identifier: Apache-2.0
// rules/resolve/exceptions.h
// Rule exceptions: values of fields for which a rule does not match.  They are
// put behind the rule's condition as text, before lists are pasted into it and
// it is parsed, as in Falco (falco-language, section 2):
//
//   fields: [proc.name, fd.name]     (CONDITION) and not
//   comps: [=, in]                     (( proc.name = a and  fd.name in (b, c))
//   values:                             or ( proc.name = d and  fd.name in
//   (e)))
//     - [a, [b, c]]
//     - [d, e]
//
//   fields: proc.name                (CONDITION) and not
//   values: [a, b]                     (proc.name in (a, b))
//
// A value with a blank gets quotes unless it begins with one, and the value of
// an operator that takes a list gets parentheses unless it begins with one;
// nothing is escaped.  So a value may be a list's name, or the call of a
// transformer.
#pragma once

#include <cstddef>
#include <optional>

#include "rules/base/diagnostic.h"
#include "rules/document/located_text.h"
#include "rules/document/rule_file.h"

namespace bailiff {

struct RawRule;

// Exceptions of one rule.  Each is a comparison or more on every event; the
// rules of Falco have none.
inline constexpr std::size_t kMaxExceptions = 1000;

// Trims the operators of the exception and fills in those left out: `=` for
// each of several fields, `in` for a single one.  False after a diagnostic
// (LOAD_ERR_VALIDATE) when there are not as many operators as fields, or one is
// none, or, with `check_fields`, a field is none.
// Precondition: fields are given.
bool complete_exception(RuleException& exception, bool check_fields,
                        Diagnostics& diagnostics);

// The condition of the rule with its exceptions, which were completed: what
// they put in has the places of the exception's name and of its parts.  nullopt
// after a diagnostic (LOAD_ERR_VALIDATE) when the values of one do not fit its
// fields.
std::optional<LocatedText> with_exceptions(const RawRule& rule,
                                           Diagnostics& diagnostics);

}  // namespace bailiff
