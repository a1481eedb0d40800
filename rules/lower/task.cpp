// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/task.h"

#include <algorithm>
#include <cstddef>
#include <string>
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

// proc.aname[2] and its like, which connects find no bits of.
std::optional<TaskCheck> at_level(const Check& check, const Place& place,
                                  const std::vector<List>& lists,
                                  bool at_connect) {
  const std::string& text = check.argument;
  if (at_connect || place.whose != Whose::kAbove || text.size() != 1) {
    return std::nullopt;
  }
  // There may be no such ancestor, and then neither of the two holds.
  if (check.op == Op::kNe || check.op == Op::kExists) return std::nullopt;
  if (text[0] < '1' || text[0] > '0' + static_cast<char>(BAILIFF_TASK_LEVELS)) {
    return std::nullopt;
  }
  if (!fit(check, lists)) return std::nullopt;
  TaskCheck result = {.subject = place.subject,
                      .whose = Whose::kLevel,
                      .level = static_cast<std::uint32_t>(text[0] - '0'),
                      .bit = check};
  result.bit.field = place.own;
  result.bit.argument.clear();
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
  if (!check.argument.empty())
    return at_level(check, *place, lists, at_connect);
  // That some ancestor has another name is not that none has this one.
  if (place->whose == Whose::kAbove && check.op == Op::kNe) return std::nullopt;
  if (!fit(check, lists)) return std::nullopt;
  TaskCheck result = {.subject = place->subject,
                      .whose = place->whose,
                      .negated = check.op == Op::kNe,
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
  CodeSize operator()(const Check&) const { return {2, 1}; }  // and perhaps not
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
  std::size_t tests = tests_;
  for (const TaskCheck& check : checks) {
    // Every process has a name, an executable and arguments.
    if (check.bit.op == Op::kExists) continue;
    if (std::find(checks_.begin(), checks_.end(), check.bit) != checks_.end()) {
      continue;
    }
    checks_.push_back(check.bit);
    tests += tests_of(check.bit, lists);
  }
  const std::size_t units = units_ + code.units;
  if (checks_.size() > BAILIFF_MAX_TASK_CHECKS ||
      tests > BAILIFF_MAX_TASK_TESTS || units > BAILIFF_MAX_TASK_CODE ||
      code.depth > BAILIFF_MAX_TASK_DEPTH) {
    checks_.erase(checks_.begin() + static_cast<std::ptrdiff_t>(before),
                  checks_.end());
    return false;
  }
  tests_ = tests;
  units_ = units;
  return true;
}

}  // namespace bailiff
