// SPDX-License-Identifier: Apache-2.0
// rules/emit/condition.h
// The code of conditions, the same in every flavour.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
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

// Where the answer of a list that is asked before the first rule is kept, by
// the list's index and whether it is one of networks: a byte of the stack, not
// 0 when the list has the address.
using ListAnswers = std::map<std::pair<std::uint32_t, bool>, int>;

// What conditions are compiled with.
struct Target {
  Writer& code;
  const FlavourCode& flavour;
  const std::vector<List>& lists;
  ListAnswers& answers;
};

// Appends code that leaves through `exits`, with the left operand of and/or
// decided first, and the right one only if that leaves it open.  Clobbers
// r0..r5 and r8.  Precondition: every field is kFromKernelConnect.
void emit_condition(const Target& target, const Expr& expr, const Exits& exits);

}  // namespace bailiff::emit
