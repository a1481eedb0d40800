// SPDX-License-Identifier: Apache-2.0
// rules/emit/condition.h
// The code of conditions, the same in every flavour.
#pragma once

#include <vector>

#include "rules/emit/flavour.h"
#include "rules/emit/writer.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff::emit {

// Where a condition's code leaves to.  `next` is bound right behind it, and is
// most often one of the other two.
struct Exits {
  Label if_true;
  Label if_false;
  Label next;
};

// What conditions are compiled with.
struct Target {
  Writer& code;
  const FlavourCode& flavour;
  const std::vector<List>& lists;
};

// Appends code that leaves through `exits`, with the left operand of and/or
// decided first, and the right one only if that leaves it open.  Clobbers
// r0..r5 and r8.  Precondition: every field is kFromKernelConnect.
void emit_condition(const Target& target, const Expr& expr, const Exits& exits);

}  // namespace bailiff::emit
