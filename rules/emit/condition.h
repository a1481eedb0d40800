// SPDX-License-Identifier: Apache-2.0
// rules/emit/condition.h
// The code of conditions, the same in every flavour.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
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

// How the lists of a program are asked.
struct LookUps {
  // By calling functions, and not by code at the place.
  bool as_functions = false;
  // How many answers there is room for.
  std::size_t most_answers = answers_up_to(kHitsSlot);
  // Those that are called, by family.
  std::map<std::uint8_t, Label> functions = {};
  // Lists that are asked before the first rule, by index, whether they are
  // asked for networks, and whether for the local end: the number of the bit
  // that is set when the list has the address, from kAnswersSlot on.
  std::map<std::tuple<std::uint32_t, bool, bool>, std::size_t> answers = {};
};

// What conditions are compiled with.
struct Target {
  Writer& code;
  const FlavourCode& flavour;
  const std::vector<List>& lists;
  LookUps& look_ups;
  const TaskTable* tasks = nullptr;  // nullptr: no check is a bit
};

// Appends code that leaves through `exits`, with the left operand of and/or
// decided first, and the right one only if that leaves it open.  Clobbers
// r0..r5 and r8.  Precondition: every field is kFromKernelConnect.
void emit_condition(const Target& target, const Expr& expr, const Exits& exits);

}  // namespace bailiff::emit
