// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/lower/connect.h"
#include "rules/lower/lower.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::all_of;
using test::any_of;
using test::check;
using test::event_is;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Check single(FieldId field, Op op, std::vector<Value> values,
             std::string argument = "") {
  Check one;
  one.field = field;
  one.op = op;
  one.values = std::move(values);
  one.argument = std::move(argument);
  return one;
}

Expr executed() {
  return check(FieldId::kEvtType, Op::kIn, {"execve", "execveat"});
}

CompiledPolicy policy_of(std::vector<Expr> conditions, Mode mode, bool block,
                         Response response = Response::kNone) {
  CompiledPolicy compiled;
  Policy policy{.name = "p", .mode = mode};
  policy.block = block;
  policy.response = response;
  for (Expr& condition : conditions) {
    Rule rule;
    rule.name = "r" + std::to_string(compiled.rules.size());
    rule.condition = std::move(condition);
    policy.rules.push_back(static_cast<std::uint32_t>(compiled.rules.size()));
    compiled.rules.push_back(std::move(rule));
  }
  compiled.policies.push_back(std::move(policy));
  return compiled;
}

Plan plan_of(std::vector<Expr> conditions, Mode mode = Mode::kEnforce,
             bool block = true, Response response = Response::kNone) {
  return lower(policy_of(std::move(conditions), mode, block, response),
               Facts{.values = {}, .complete = true});
}

TEST(TaskCheck, TextsOfTheProcessAreBitsAtAConnect) {
  for (const FieldId field :
       {FieldId::kProcExe, FieldId::kProcExepath, FieldId::kProcArgs,
        FieldId::kProcCmdline, FieldId::kProcPname, FieldId::kProcAname}) {
    EXPECT_TRUE(task_check(single(field, Op::kContains, {"x"}), {}));
  }
  EXPECT_FALSE(task_check(single(FieldId::kProcCwd, Op::kContains, {"x"}), {}));
  EXPECT_FALSE(
      task_check(single(FieldId::kProcName, Op::kContains, {"x"}), {}));
  EXPECT_TRUE(exec_check(single(FieldId::kProcName, Op::kContains, {"x"}), {}));
}

TEST(TaskCheck, UnequalIsTheBitOfEqualNegated) {
  const auto equal = task_check(single(FieldId::kProcExe, Op::kEq, {"x"}), {});
  const auto unequal =
      task_check(single(FieldId::kProcExe, Op::kNe, {"x"}), {});
  ASSERT_TRUE(equal && unequal);
  EXPECT_EQ(equal->bit, unequal->bit);
  EXPECT_FALSE(equal->negated);
  EXPECT_TRUE(unequal->negated);
}

TEST(TaskCheck, TheParentsNameIsTheBitOfItsOwn) {
  const auto own = exec_check(single(FieldId::kProcName, Op::kEq, {"x"}), {});
  const auto parent =
      exec_check(single(FieldId::kProcPname, Op::kEq, {"x"}), {});
  const auto above =
      exec_check(single(FieldId::kProcAname, Op::kEq, {"x"}), {});
  const auto second =
      exec_check(single(FieldId::kProcAname, Op::kEq, {"x"}, "2"), {});
  ASSERT_TRUE(own && parent && above && second);
  EXPECT_EQ(own->bit, parent->bit);
  EXPECT_EQ(own->bit, above->bit);
  EXPECT_EQ(own->bit, second->bit);
  EXPECT_EQ(second->level, 2U);
}

TEST(TaskCheck, WhatBitsCannotSayIsNone) {
  EXPECT_FALSE(exec_check(single(FieldId::kProcCmdline, Op::kGlob, {"x"}), {}));
  EXPECT_FALSE(exec_check(single(FieldId::kProcArgs, Op::kEq, {"x"}, "0"), {}));
  EXPECT_FALSE(
      exec_check(single(FieldId::kProcAname, Op::kEq, {"x"}, "9"), {}));
  const std::string longest(BAILIFF_MAX_TASK_TEXT, 'x');
  EXPECT_TRUE(task_check(single(FieldId::kProcExe, Op::kEq, {longest}), {}));
  EXPECT_FALSE(
      task_check(single(FieldId::kProcExe, Op::kEq, {longest + "x"}), {}));
}

// Some other ancestor may have the name.
TEST(TaskCheck, ThatAnAncestorHasAnotherNameIsABitOfItsOwn) {
  const auto above =
      task_check(single(FieldId::kProcAname, Op::kNe, {"x"}), {});
  ASSERT_TRUE(above);
  EXPECT_FALSE(above->negated);
  EXPECT_EQ(above->bit, single(FieldId::kProcName, Op::kNe, {"x"}));
}

TEST(TaskCheck, OneAncestorIsKnownAtAConnectToo) {
  const auto second =
      task_check(single(FieldId::kProcAname, Op::kNe, {"x"}, "2"), {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->whose, Whose::kLevel);
  EXPECT_EQ(second->level, 2U);
  EXPECT_TRUE(second->negated);
  EXPECT_EQ(second->bit, single(FieldId::kProcName, Op::kEq, {"x"}));
  EXPECT_FALSE(
      task_check(single(FieldId::kProcAname, Op::kExists, {}, "2"), {}));
}

TEST(TaskBits, OfSingleAncestorsAreFirst) {
  const auto own = *task_check(single(FieldId::kProcExe, Op::kEq, {"x"}), {});
  const auto level = [](int number) {
    return *task_check(
        single(FieldId::kProcAname, Op::kEq, {std::to_string(number)}, "2"),
        {});
  };
  TaskBits bits;
  EXPECT_TRUE(bits.add({own}, {}, {}));
  EXPECT_TRUE(bits.add({level(0)}, {}, {}));
  EXPECT_THAT(bits.checks(), ElementsAre(level(0).bit, own.bit));
  for (int i = 1; i < BAILIFF_MAX_TASK_LEVEL_CHECKS; ++i) {
    EXPECT_TRUE(bits.add({level(i)}, {}, {}));
  }
  EXPECT_FALSE(bits.add({level(BAILIFF_MAX_TASK_LEVEL_CHECKS)}, {}, {}));
  // One that is there, but for any ancestor.
  const auto any = *task_check(single(FieldId::kProcAname, Op::kEq, {"y"}), {});
  EXPECT_TRUE(bits.add({any}, {}, {}));
  const auto third =
      *task_check(single(FieldId::kProcAname, Op::kEq, {"y"}, "3"), {});
  EXPECT_FALSE(bits.add({third}, {}, {}));
  EXPECT_EQ(bits.checks().back(), any.bit);
}

TEST(TaskBits, TakesAllChecksOrNone) {
  TaskBits bits;
  std::vector<TaskCheck> many;
  for (std::uint32_t i = 0; i < BAILIFF_MAX_TASK_CHECKS; ++i) {
    many.push_back(*task_check(
        single(FieldId::kProcExe, Op::kEq, {std::to_string(i)}), {}));
  }
  many.push_back(many.front());
  EXPECT_TRUE(bits.add(many, {}, {}));
  const auto another =
      *task_check(single(FieldId::kProcExe, Op::kEq, {"another"}), {});
  EXPECT_FALSE(bits.add({many.front(), another}, {}, {}));
  EXPECT_THAT(bits.checks(), SizeIs(BAILIFF_MAX_TASK_CHECKS));
  EXPECT_TRUE(bits.add({many.front()}, {}, {}));
}

TEST(Task, ARuleOnTextsIsDecidedInTheKernel) {
  const Plan plan =
      plan_of({all_of({event_is("connect"), check(FieldId::kProcCmdline,
                                                  Op::kContains, {"jndi"})})});
  ASSERT_THAT(plan.connect, SizeIs(1));
  EXPECT_TRUE(plan.connect[0].deny);
  EXPECT_FALSE(plan.connect[0].candidate);
  EXPECT_THAT(plan.bits, SizeIs(1));
  EXPECT_EQ(plan.placements[0].enforcement, Enforcement::kKernel);
  EXPECT_THAT(plan.placements[0].reason,
              HasSubstr("decided when a program is executed"));
  EXPECT_TRUE(plan.observes());
  EXPECT_THAT(plan.observe.rules, IsEmpty());
}

TEST(Task, ARuleWithoutRoomIsACandidate) {
  std::vector<Expr> conditions;
  for (std::uint32_t i = 0; i <= BAILIFF_MAX_TASK_CHECKS; ++i) {
    conditions.push_back(
        all_of({event_is("connect"),
                check(FieldId::kProcExe, Op::kEq, {std::to_string(i)})}));
  }
  const Plan plan = plan_of(std::move(conditions));
  EXPECT_FALSE(plan.connect[BAILIFF_MAX_TASK_CHECKS - 1].candidate);
  EXPECT_TRUE(plan.connect[BAILIFF_MAX_TASK_CHECKS].candidate);
  EXPECT_FALSE(plan.connect[BAILIFF_MAX_TASK_CHECKS].deny);
}

TEST(Task, ABindWithoutRoomIsJudgedByTheService) {
  constexpr std::size_t kRules = BAILIFF_MAX_TASK_TESTS / kMaxInlineOperands;
  std::vector<Expr> conditions;
  for (std::size_t i = 0; i <= kRules; ++i) {
    std::vector<Value> names;
    for (std::size_t k = 0; k < kMaxInlineOperands; ++k) {
      names.emplace_back(std::to_string(i) + "." + std::to_string(k));
    }
    conditions.push_back(
        all_of({event_is("bind"),
                check(FieldId::kProcExe, Op::kIn, std::move(names))}));
  }
  const Plan plan = plan_of(std::move(conditions));
  EXPECT_TRUE(plan.bind[kRules - 1].deny);
  EXPECT_TRUE(plan.bind[kRules].candidate);
  EXPECT_FALSE(plan.bind[kRules].deny);
  const Placement& last = plan.placements[kRules];
  EXPECT_EQ(last.enforcement, Enforcement::kObserve);
  EXPECT_THAT(last.reason, HasSubstr("'proc.exe' is compared with more than "
                                     "there is room for in the kernel"));
}

TEST(Task, ProgramsAreJudgedBeforeTheyRun) {
  const Expr miner =
      all_of({executed(), check(FieldId::kProcName, Op::kEq, {"miner"})});
  const Plan plan = plan_of({miner});
  ASSERT_THAT(plan.exec, SizeIs(1));
  EXPECT_TRUE(plan.exec[0].deny);
  EXPECT_EQ(plan.placements[0].enforcement, Enforcement::kKernel);
  EXPECT_THAT(plan.placements[0].hooks, ElementsAre(HookPoint::kExec));
  EXPECT_EQ(plan.placements[0].reason,
            "decided before the new program's first instruction");
  EXPECT_THAT(plan.observe.exec_rules, ElementsAre(0));
  EXPECT_FALSE(plan_of({miner}, Mode::kEnforce, false).exec[0].deny);
  EXPECT_FALSE(plan_of({miner}, Mode::kMonitor, true).exec[0].deny);
}

TEST(Task, ToKillTheProcessIsToKillItBeforeItRuns) {
  const Expr miner =
      all_of({executed(), check(FieldId::kProcName, Op::kEq, {"miner"})});
  EXPECT_TRUE(plan_of({miner}, Mode::kEnforce, false, Response::kKillProcess)
                  .exec[0]
                  .deny);
  EXPECT_FALSE(
      plan_of({all_of({event_is("connect"),
                       check(FieldId::kFdSport, Op::kEq, {std::int64_t{1}})})},
              Mode::kEnforce, false, Response::kKillProcess)
          .connect[0]
          .deny);
}

TEST(Task, ARuleOnOneOfTheTwoCallsIsToo) {
  const Plan plan = plan_of({all_of(
      {event_is("execveat"), check(FieldId::kProcName, Op::kEq, {"miner"})})});
  ASSERT_THAT(plan.exec, SizeIs(1));
  EXPECT_THAT(plan.bits, SizeIs(2));
}

TEST(Task, WhatTheKernelDoesNotKnowIsLeftToTheServiceAndSaid) {
  const Plan plan =
      plan_of({all_of({executed(), check(FieldId::kProcCwd, Op::kEq, {"/tmp/"}),
                       check(FieldId::kProcArgs, Op::kGlob, {"*x*"})})});
  EXPECT_THAT(plan.exec, IsEmpty());
  EXPECT_THAT(plan.bits, IsEmpty());
  EXPECT_EQ(plan.placements[0].enforcement, Enforcement::kObserve);
  EXPECT_THAT(plan.placements[0].reason,
              HasSubstr("the kernel does not decide 'proc.args glob' and "
                        "'proc.cwd'"));
}

// Not even the part of it that could be.
TEST(Task, OfARuleThatIsPlacedNowhereNoProgramIsJudged) {
  const Expr miner =
      all_of({executed(), check(FieldId::kProcName, Op::kEq, {"miner"})});
  const Expr unknown = all_of(
      {event_is("mkdir"), check(FieldId::kFdUid, Op::kEq, {std::int64_t{1}})});
  for (const Mode mode : {Mode::kEnforce, Mode::kMonitor}) {
    const Plan plan = plan_of({any_of({miner, unknown})}, mode);
    EXPECT_EQ(plan.placements[0].enforcement, Enforcement::kUnsupported);
    EXPECT_THAT(plan.placements[0].hooks, IsEmpty());
    EXPECT_THAT(plan.exec, IsEmpty());
    EXPECT_THAT(plan.observe.exec_rules, IsEmpty());
    EXPECT_THAT(plan.bits, IsEmpty());
  }
}

TEST(Task, TheNameRootIsItsNumber) {
  const Plan plan = plan_of(
      {all_of({executed(), check(FieldId::kUserName, Op::kEq, {"root"})})});
  ASSERT_THAT(plan.bits, SizeIs(1));
  EXPECT_EQ(plan.bits[0].field, FieldId::kUserUid);
  EXPECT_THAT(plan_of({all_of({executed(), check(FieldId::kUserName, Op::kEq,
                                                 {"daemon"})})})
                  .exec,
              IsEmpty());
}

}  // namespace
}  // namespace bailiff
