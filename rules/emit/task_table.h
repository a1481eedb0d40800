// SPDX-License-Identifier: Apache-2.0
// rules/emit/task_table.h
// A container's table of tests (rules/abi/task.h), and how programs find what
// came of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/emit/condition.h"
#include "rules/lower/lower.h"
#include "rules/lower/task.h"

namespace bailiff::emit {

struct TaskTable {
  std::vector<Check> checks;  // which bit is the place
  // Pages of BAILIFF_TASK_PAGE_BYTES, those of tests first.
  std::vector<std::string> pages;
  std::uint32_t tests = 0;
  std::uint32_t name_tests = 0;
  std::uint32_t code = 0;
  std::uint32_t subjects = 0;
  // Of all the above: tables of one id are the same.  0: there is none.
  std::uint64_t id = 0;
};

// Of a plan of lower() for a container whose facts are complete.  Pure.
TaskTable make_task_table(const Plan& plan, const std::vector<List>& lists);

// `check`, one of those that task_check() takes, by the bit of the process.
// Precondition: it is known (branch_task_unknown()).
void emit_task_check(const Target& target, const TaskCheck& check,
                     const Exits& exits);

// Looks up the process, for the whole program.
void load_task(const Target& target);
// Goes to `unknown` when there are no bits of it.  Clobbers r1.
void branch_task_unknown(Writer& code, Label unknown);

// Whether some check of the expression is a bit.
bool needs_task(const Expr& expr, const Target& target);

}  // namespace bailiff::emit
