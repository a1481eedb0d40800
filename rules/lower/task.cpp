// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/task.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>

#include "rules/lower/connect.h"
#include "rules/lower/observed.h"

namespace bailiff {
namespace {

using enum FieldId;

struct Place {
  FieldId field;
  bailiff_task_subject subject;
  Whose whose;
  FieldId own;  // the same of the process itself
  bool at_connect;
};

// Of a parent that is outside of the container only the name is known, and so
// of ancestors, of which most containers have some outside.
constexpr Place kPlaces[] = {
    {kProcExe, BAILIFF_TASK_EXE, Whose::kOwn, kProcExe, true},
    {kProcExepath, BAILIFF_TASK_EXEPATH, Whose::kOwn, kProcExepath, true},
    {kProcArgs, BAILIFF_TASK_ARGS, Whose::kOwn, kProcArgs, true},
    {kProcCmdline, BAILIFF_TASK_CMDLINE, Whose::kOwn, kProcCmdline, true},
    {kProcPname, BAILIFF_TASK_NAME, Whose::kParent, kProcName, true},
    {kProcAname, BAILIFF_TASK_NAME, Whose::kAbove, kProcName, true},
    // The connect hooks ask for the name itself: it may be another by then.
    {kProcName, BAILIFF_TASK_NAME, Whose::kOwn, kProcName, false},
    {kProcPexe, BAILIFF_TASK_EXE, Whose::kParent, kProcExe, false},
    {kProcPexepath, BAILIFF_TASK_EXEPATH, Whose::kParent, kProcExepath, false},
    {kProcPcmdline, BAILIFF_TASK_CMDLINE, Whose::kParent, kProcCmdline, false},
    {kEvtType, BAILIFF_TASK_CALL, Whose::kOwn, kEvtType, false},
    {kUserUid, BAILIFF_TASK_UID, Whose::kOwn, kUserUid, false},
    {kGroupGid, BAILIFF_TASK_GID, Whose::kOwn, kGroupGid, false},
    {kUserLoginuid, BAILIFF_TASK_LOGINUID, Whose::kOwn, kUserLoginuid, false},
    {kProcTty, BAILIFF_TASK_TTY, Whose::kOwn, kProcTty, false},
    {kProcPid, BAILIFF_TASK_PID, Whose::kOwn, kProcPid, false},
    {kProcPpid, BAILIFF_TASK_PPID, Whose::kOwn, kProcPpid, false},
    {kProcVpid, BAILIFF_TASK_VPID, Whose::kOwn, kProcVpid, false},
    {kProcIsExeUpperLayer, BAILIFF_TASK_ORIGIN_UPPER, Whose::kOwn,
     kProcIsExeUpperLayer, false},
    {kProcIsExeLowerLayer, BAILIFF_TASK_ORIGIN_LOWER, Whose::kOwn,
     kProcIsExeLowerLayer, false},
    {kProcIsExeFromMemfd, BAILIFF_TASK_ORIGIN_MEMFD, Whose::kOwn,
     kProcIsExeFromMemfd, false},
    {kProcIsSidLeader, BAILIFF_TASK_SID_LEADER, Whose::kOwn, kProcIsSidLeader,
     false},
    {kProcIsPgidLeader, BAILIFF_TASK_PGID_LEADER, Whose::kOwn,
     kProcIsPgidLeader, false},
    {kProcIsVpgidLeader, BAILIFF_TASK_VPGID_LEADER, Whose::kOwn,
     kProcIsVpgidLeader, false},
    {kProcEnv, BAILIFF_TASK_ENV, Whose::kOwn, kProcEnv, false},
};

const Place* place_of(FieldId field) {
  const auto* found = std::find_if(
      std::begin(kPlaces), std::end(kPlaces),
      [field](const Place& place) { return place.field == field; });
  return found == std::end(kPlaces) ? nullptr : found;
}

bool is_text(bailiff_task_subject subject) {
  return subject < BAILIFF_TASK_TEXTS;
}

bool is_decided(Op op, bailiff_task_subject subject) {
  switch (op) {
    case Op::kExists:
    case Op::kEq:
    case Op::kNe:
    case Op::kIn:
    case Op::kIntersects:
      return true;
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      return !is_text(subject) && subject != BAILIFF_TASK_CALL;
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
      return is_text(subject);
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
    case Op::kBcontains:
    case Op::kBstartswith:
      return false;
  }
  return false;
}

bool fits(const Value& operand) {
  const auto* text = std::get_if<std::string>(&operand);
  return text == nullptr || text->size() <= BAILIFF_MAX_TASK_TEXT;
}

bool fit(const Check& check, const std::vector<List>& lists) {
  const std::vector<Value> operands = inline_operands(check, lists);
  return operands.size() <= kMaxInlineOperands &&
         std::all_of(operands.begin(), operands.end(), fits);
}

// proc.aname[2] and its like.
std::optional<TaskCheck> at_level(const Check& check, const Place& place,
                                  const std::vector<List>& lists,
                                  bool at_connect) {
  const std::string& text = check.argument;
  if (place.whose != Whose::kAbove || text.size() != 1) return std::nullopt;
  // There may be no such ancestor.
  if (check.op == Op::kExists) return std::nullopt;
  if (text[0] < '1' || text[0] > '0' + static_cast<char>(BAILIFF_TASK_LEVELS)) {
    return std::nullopt;
  }
  if (!fit(check, lists)) return std::nullopt;
  TaskCheck result = {.subject = place.subject,
                      .whose = Whose::kLevel,
                      .level = static_cast<std::uint32_t>(text[0] - '0'),
                      .negated = check.op == Op::kNe,
                      .first = at_connect,
                      .bit = check};
  result.bit.field = place.own;
  result.bit.argument.clear();
  if (result.negated) result.bit.op = Op::kEq;
  return result;
}

std::optional<TaskCheck> check_at(const Check& check,
                                  const std::vector<List>& lists,
                                  bool at_connect) {
  const Place* place = place_of(check.field);
  if (place == nullptr || (at_connect && !place->at_connect)) {
    return std::nullopt;
  }
  if (check.quantifier != Quantifier::kNone ||
      !is_decided(check.op, place->subject)) {
    return std::nullopt;
  }
  if (!check.argument.empty()) {
    return at_level(check, *place, lists, at_connect);
  }
  if (!fit(check, lists)) return std::nullopt;
  TaskCheck result = {
      .subject = place->subject,
      .whose = place->whose,
      .negated = check.op == Op::kNe && place->whose != Whose::kAbove,
      .bit = check};
  result.bit.field = place->own;
  if (result.negated) result.bit.op = Op::kEq;
  return result;
}

}  // namespace

std::optional<TaskCheck> task_check(const Check& check,
                                    const std::vector<List>& lists) {
  return check_at(check, lists, true);
}

std::optional<TaskCheck> exec_check(const Check& check,
                                    const std::vector<List>& lists) {
  return check_at(check, lists, false);
}

bool exec_place(FieldId field) { return place_of(field) != nullptr; }

bool kept_as_bit(FieldId field) {
  const Place* place = place_of(field);
  return place != nullptr && place->at_connect;
}

bool has_long_text(const Check& check, const std::vector<List>& lists) {
  if (!kept_as_bit(check.field)) return false;
  const std::vector<Value> operands = inline_operands(check, lists);
  return !std::all_of(operands.begin(), operands.end(), fits);
}

std::size_t tests_of(const Check& bit, const std::vector<List>& lists) {
  // kLe and kGe are two: less, or equal.
  const std::size_t each = bit.op == Op::kLe || bit.op == Op::kGe ? 2 : 1;
  return each * inline_operands(bit, lists).size();
}

namespace {

// Its operands one after the other, with an operator behind each but the first.
class CodeSizer {
 public:
  CodeSize operator()(const Constant&) const { return {1, 1}; }
  CodeSize operator()(const Check& check) const {
    // And perhaps not; and of a level, whether there is one.
    if (check.argument.empty()) return {2, 1};
    return {4, 2};
  }
  CodeSize operator()(const TermCheck&) const { return {1, 1}; }
  CodeSize operator()(const Not& node) const {
    CodeSize size = std::visit(*this, node.operand->node);
    ++size.units;
    return size;
  }
  CodeSize operator()(const And& node) const { return several(node.operands); }
  CodeSize operator()(const Or& node) const { return several(node.operands); }

 private:
  CodeSize several(const std::vector<Expr>& operands) const {
    CodeSize all;
    for (const Expr& operand : operands) {
      const CodeSize one = std::visit(*this, operand.node);
      all.units += one.units + 1;
      all.depth = std::max(all.depth, one.depth + 1);
    }
    return all;
  }
};

}  // namespace

CodeSize code_size(const Expr& expr) {
  CodeSize size = std::visit(CodeSizer(), expr.node);
  ++size.units;  // the end of the rule
  return size;
}

bool TaskBits::add(const std::vector<TaskCheck>& checks, CodeSize code,
                   const std::vector<List>& lists) {
  const std::size_t before = checks_.size();
  const std::vector<bool> first_before = first_;
  std::size_t tests = tests_;
  for (const TaskCheck& check : checks) {
    // Every process has a name, an executable and arguments.
    if (check.bit.op == Op::kExists) continue;
    const auto found = std::find(checks_.begin(), checks_.end(), check.bit);
    const auto place = found - checks_.begin();
    if (found == checks_.end()) {
      checks_.push_back(check.bit);
      first_.push_back(false);
      tests += tests_of(check.bit, lists);
    }
    if (check.first) first_[static_cast<std::size_t>(place)] = true;
  }
  const std::size_t units = units_ + code.units;
  if (std::cmp_greater(checks_.size(), BAILIFF_MAX_TASK_CHECKS) ||
      std::count(first_.begin(), first_.end(), true) >
          BAILIFF_MAX_TASK_LEVEL_CHECKS ||
      tests > BAILIFF_MAX_TASK_TESTS || units > BAILIFF_MAX_TASK_CODE ||
      code.depth > BAILIFF_MAX_TASK_DEPTH) {
    checks_.erase(checks_.begin() + static_cast<std::ptrdiff_t>(before),
                  checks_.end());
    first_ = first_before;
    return false;
  }
  tests_ = tests;
  units_ = units;
  return true;
}

std::vector<Check> TaskBits::checks() const {
  std::vector<Check> all;
  all.reserve(checks_.size());
  for (const bool first : {true, false}) {
    for (std::size_t i = 0; i < checks_.size(); ++i) {
      if (first_[i] == first) all.push_back(checks_[i]);
    }
  }
  return all;
}

}  // namespace bailiff
