// SPDX-License-Identifier: Apache-2.0
// rules/lower/task.h
// Checks that are made when a program is executed and kept as bits with its
// process (rules/abi/task.h): of texts, for the hooks that judge what the
// process does later, and of more, for rules about the execution itself.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/abi/task.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff {

// Of which process the bit is.
enum class Whose : std::uint8_t {
  kOwn,
  kParent,
  kAbove,  // of any ancestor
  kLevel,  // of one ancestor
};

// A check as a bit.
struct TaskCheck {
  bailiff_task_subject subject = BAILIFF_TASK_NAME;
  Whose whose = Whose::kOwn;
  std::uint32_t level = 0;  // kLevel: which, from 1 for the parent
  // The check holds when the bit is not set; of a level, and there is one.
  bool negated = false;
  // Its bit is to be in the first word: of single ancestors no more is kept.
  bool first = false;
  // The check, of the process itself: two with one `bit` need one bit.  kNe is
  // negated kEq, but of any ancestor: that one of them has another name is not
  // that none has this one.
  Check bit;
};

// The check as programs at a connect find it decided; nullopt: they do not.
std::optional<TaskCheck> task_check(const Check& check,
                                    const std::vector<List>& lists);
// The same when a program is executed.
std::optional<TaskCheck> exec_check(const Check& check,
                                    const std::vector<List>& lists);

// Whether there is any check of the field that is; and whether there is one at
// a connect.
bool exec_place(FieldId field);
bool kept_as_bit(FieldId field);
// Whether that is so, and the check is none because a text is too long.
bool has_long_text(const Check& check, const std::vector<List>& lists);

// How many tests the bit takes: one for each operand.
std::size_t tests_of(const Check& bit, const std::vector<List>& lists);

// How many units of code (rules/abi/task.h) a condition takes, and how deep it
// is nested.
struct CodeSize {
  std::size_t units = 0;
  std::size_t depth = 0;
};
CodeSize code_size(const Expr& expr);

// The checks of one container that are to be bits.
class TaskBits {
 public:
  // Takes all of them, and the code, or nothing: there is no room.
  bool add(const std::vector<TaskCheck>& checks, CodeSize code,
           const std::vector<List>& lists);

  // The place of a check is the number of its bit.
  std::vector<Check> checks() const;

 private:
  std::vector<Check> checks_;
  std::vector<bool> first_;  // of each, whether it has to be in the first word
  std::size_t tests_ = 0;
  std::size_t units_ = 0;
};

}  // namespace bailiff
