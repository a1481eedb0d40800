// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/seccomp_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "rules/lower/fold.h"
#include "tests/harness/expr.h"
#include "tests/harness/seed.h"

namespace bailiff {
namespace {

using test::all_of;
using test::any_of;
using test::check;
using test::event_is;
using test::negated;
using test::parameter;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Three families with a name, and three flags.
std::vector<NamedArgument> arguments() {
  const auto domain = [](std::uint64_t value) -> std::string {
    if (value == 1) return "AF_UNIX";
    if (value == 2) return "AF_INET";
    if (value == 17) return "AF_PACKET";
    return std::to_string(value);
  };
  const auto flags = [](std::uint64_t value) {
    std::string text;
    const auto add = [&](std::uint64_t flag, const char* name) {
      if ((value & flag) == 0) return;
      if (!text.empty()) text += '|';
      text += name;
    };
    add(0x20000, "CLONE_NEWNS");
    add(0x10000000, "CLONE_NEWUSER");
    add(0x40000000, "CLONE_NEWNET");
    return text.empty() ? std::to_string(value) : text;
  };
  return {{.call = BAILIFF_CALL_SOCKET,
           .parameter = "domain",
           .argument = 0,
           .kind = NamedArgument::kChoice,
           .named = {1, 2, 17},
           .text = domain},
          {.call = BAILIFF_CALL_UNSHARE,
           .parameter = "flags",
           .argument = 0,
           .kind = NamedArgument::kFlags,
           .named = {0x20000, 0x10000000, 0x40000000},
           .text = flags}};
}

std::vector<SeccompCall> planned(std::vector<Expr> conditions) {
  CompiledPolicy policy;
  Policy all{.name = "all"};
  all.block = true;
  for (Expr& condition : conditions) {
    all.rules.push_back(static_cast<std::uint32_t>(policy.rules.size()));
    Rule rule;
    rule.condition = std::move(condition);
    policy.rules.push_back(std::move(rule));
  }
  policy.policies.push_back(std::move(all));
  const Facts facts{.complete = true};
  const Plan plan = lower(policy, facts);
  return plan_seccomp(policy, plan.held, facts, arguments());
}

// Of the one cell the value is in.
SeccompVerdict verdict_of(const SeccompCall& call, std::uint64_t value) {
  std::vector<SeccompVerdict> found;
  for (const SeccompCell& cell : call.cells) {
    if ((value & cell.mask) == cell.bits) found.push_back(cell.verdict);
  }
  EXPECT_THAT(found, SizeIs(1)) << value;
  return found.empty() ? SeccompVerdict::kPass : found.front();
}

Expr tracer() { return check(FieldId::kProcName, Op::kEq, {"strace"}); }

TEST(SeccompPlan, RefusesACallWhoseRuleNeedsNothingElse) {
  const auto calls = planned({event_is("ptrace")});
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].call, BAILIFF_CALL_PTRACE);
  EXPECT_THAT(calls[0].cells,
              ElementsAre(SeccompCell{.verdict = SeccompVerdict::kRefuse}));
}

TEST(SeccompPlan, HoldsACallWhoseRuleNeedsMemoryOrTheProcess) {
  const auto calls =
      planned({all_of({event_is("ptrace"), negated(tracer())}),
               all_of({event_is("unlink"),
                       parameter("path", Op::kStartswith, {"/etc"})})});
  ASSERT_THAT(calls, SizeIs(2));
  for (const SeccompCall& call : calls) {
    EXPECT_THAT(call.cells,
                ElementsAre(SeccompCell{.verdict = SeccompVerdict::kHold}));
  }
}

TEST(SeccompPlan, RefusesOneValueAndHoldsWhatHasNoName) {
  const auto calls =
      planned({all_of({event_is("socket"),
                       parameter("domain", Op::kContains, {"AF_PACKET"})})});
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(verdict_of(calls[0], 17), SeccompVerdict::kRefuse);
  EXPECT_EQ(verdict_of(calls[0], 2), SeccompVerdict::kPass);
  EXPECT_EQ(verdict_of(calls[0], 40), SeccompVerdict::kHold);
  // What is above the int that the kernel reads does not count.
  EXPECT_EQ(verdict_of(calls[0], 17 | std::uint64_t{1} << 32),
            SeccompVerdict::kRefuse);
}

TEST(SeccompPlan, HoldsOnlyTheValuesARuleMayBeAbout) {
  const auto calls =
      planned({all_of({event_is("socket"),
                       parameter("domain", Op::kIn, {"AF_PACKET", "AF_UNIX"}),
                       negated(tracer())})});
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(verdict_of(calls[0], 17), SeccompVerdict::kHold);
  EXPECT_EQ(verdict_of(calls[0], 1), SeccompVerdict::kHold);
  EXPECT_EQ(verdict_of(calls[0], 2), SeccompVerdict::kPass);
}

TEST(SeccompPlan, DecidesEachComparisonOfAChoice) {
  using enum SeccompVerdict;
  const struct {
    Op op;
    std::vector<Value> operands;
    SeccompVerdict unix, inet, packet;
  } comparisons[] = {
      {Op::kEq, {"AF_INET"}, kPass, kRefuse, kPass},
      {Op::kNe, {"AF_INET"}, kRefuse, kPass, kRefuse},
      {Op::kIn, {"AF_INET", "AF_UNIX"}, kRefuse, kRefuse, kPass},
      {Op::kContains, {"_P"}, kPass, kPass, kRefuse},
      {Op::kIcontains, {"_p"}, kPass, kPass, kRefuse},
      {Op::kStartswith, {"AF_I"}, kPass, kRefuse, kPass},
      {Op::kEndswith, {"ET"}, kPass, kRefuse, kRefuse},
      {Op::kGlob, {"AF_?N*"}, kRefuse, kRefuse, kPass},
  };
  for (const auto& [op, operands, unix, inet, packet] : comparisons) {
    // The parameter by its name, and by its place.
    for (const char* name : {"domain", "1"}) {
      const auto calls = planned(
          {all_of({event_is("socket"), parameter(name, op, operands)})});
      ASSERT_THAT(calls, SizeIs(1)) << to_string(op);
      EXPECT_EQ(verdict_of(calls[0], 1), unix) << to_string(op);
      EXPECT_EQ(verdict_of(calls[0], 2), inet) << to_string(op);
      EXPECT_EQ(verdict_of(calls[0], 17), packet) << to_string(op);
      EXPECT_EQ(verdict_of(calls[0], 40), kHold) << to_string(op);
    }
  }
}

TEST(SeccompPlan, HoldsWhatIsNotANumberComparedWithAnother) {
  TermCheck transformed;
  transformed.left = {CallTerm{
      .transform = Transform::kTolower,
      .arguments = {
          {FieldReference{.field = FieldId::kEvtArg, .argument = "domain"}}}}};
  transformed.values = {"af_packet"};
  const Expr held[] = {
      all_of({event_is("socket"), {transformed}}),
      // Another parameter of the call.
      all_of({event_is("socket"), parameter("type", Op::kEq, {"1"})}),
      // All of the flags at once, and a value of none, which is its number.
      all_of(
          {event_is("unshare"), parameter("flags", Op::kEq, {"CLONE_NEWNET"})}),
      all_of({event_is("unshare"), parameter("flags", Op::kContains, {"0"})}),
  };
  for (const Expr& condition : held) {
    const auto calls = planned({condition});
    ASSERT_THAT(calls, SizeIs(1));
    EXPECT_THAT(calls[0].cells,
                ElementsAre(SeccompCell{.verdict = SeccompVerdict::kHold}));
  }
}

TEST(SeccompPlan, TellsFlagsApart) {
  const auto calls =
      planned({all_of({event_is("unshare"),
                       parameter("flags", Op::kContains, {"CLONE_NEWUSER"})}),
               all_of({event_is("unshare"),
                       parameter("flags", Op::kContains, {"CLONE_NEWNET"}),
                       tracer()})});
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_THAT(calls[0].cells, SizeIs(4));
  EXPECT_EQ(verdict_of(calls[0], 0x10000000), SeccompVerdict::kRefuse);
  EXPECT_EQ(verdict_of(calls[0], 0x50000000), SeccompVerdict::kRefuse);
  EXPECT_EQ(verdict_of(calls[0], 0x40020000), SeccompVerdict::kHold);
  EXPECT_EQ(verdict_of(calls[0], 0x20000), SeccompVerdict::kPass);
}

TEST(SeccompPlan, APartOfTwoNamesIsLeftToTheService) {
  const auto calls = planned(
      {all_of({event_is("unshare"),
               parameter("flags", Op::kContains, {"NEWNS|CLONE_NEWUSER"})})});
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_THAT(calls[0].cells,
              ElementsAre(SeccompCell{.verdict = SeccompVerdict::kHold}));
}

TEST(SeccompPlan, ARuleThatIsNotRefusedLeavesCallsAlone) {
  CompiledPolicy policy;
  Rule rule;
  rule.condition = event_is("ptrace");
  policy.rules.push_back(std::move(rule));
  policy.policies.push_back({.name = "watch", .rules = {0}});
  const Plan plan = lower(policy, {});
  EXPECT_THAT(plan_seccomp(policy, plan.held, {}, arguments()), IsEmpty());
}

TEST(SeccompPlan, EachValueIsInOneCellAndTheCellIsRight) {
  std::mt19937_64 random(test::random_seed());
  const auto named = arguments();
  const char* const texts[] = {"AF_UNIX", "AF_INET", "AF_PACKET", "AF", "17"};
  const Op ops[] = {Op::kEq, Op::kNe, Op::kContains, Op::kStartswith};
  for (int round = 0; round < 200; ++round) {
    std::vector<Expr> parts;
    for (int i = 0; i < 3; ++i) {
      Expr part = parameter("domain", ops[random() % 4], {texts[random() % 5]});
      parts.push_back(random() % 2 == 0 ? std::move(part)
                                        : negated(std::move(part)));
    }
    const Expr condition =
        random() % 2 == 0 ? any_of(std::move(parts)) : all_of(std::move(parts));
    const auto calls = planned({all_of({event_is("socket"), condition})});
    for (const std::uint64_t value : {0, 1, 2, 3, 16, 17, 18, 45, 1 << 20}) {
      Decide exactly = decide_nothing();
      exactly.check = [&](const Check& one) -> std::optional<bool> {
        return holds(one, {Value(named[0].text(value))}, {});
      };
      const bool holds_for = is_true(simplify(condition, exactly));
      const SeccompVerdict verdict =
          calls.empty() ? SeccompVerdict::kPass : verdict_of(calls[0], value);
      if (verdict == SeccompVerdict::kHold) continue;
      EXPECT_EQ(verdict == SeccompVerdict::kRefuse, holds_for) << value;
    }
  }
}

}  // namespace
}  // namespace bailiff
