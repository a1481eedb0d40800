// SPDX-License-Identifier: Apache-2.0
//
// That rules fire when evaluate() says so is the differential suite's; this is
// what the matcher promises besides.
#include "rules/eval/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "rules/eval/match_plan.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::all_of;
using test::any_of;
using test::check;
using test::event_is;
using test::FakeEvent;
using test::negated;
using testing::ElementsAre;
using testing::IsEmpty;

CompiledPolicy policy_of(std::vector<Expr> conditions) {
  CompiledPolicy policy;
  for (Expr& condition : conditions) {
    policy.rules.emplace_back().condition = std::move(condition);
  }
  return policy;
}

Expr is(FieldId field, std::string text) {
  return check(field, Op::kEq, {std::move(text)});
}

std::vector<std::uint32_t> fired(const CompiledPolicy& policy,
                                 const FieldSource& event) {
  MatchMemory memory;
  const Matcher matcher(policy);
  const auto rules = matcher.match(event, memory);
  return {rules.begin(), rules.end()};
}

// Counts how often it is asked for each field.
class CountingEvent final : public FieldSource {
 public:
  explicit CountingEvent(FakeEvent event) : event_(std::move(event)) {}

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    ++asked[field];
    return event_.extract(field, argument);
  }

  mutable std::map<FieldId, int> asked;

 private:
  FakeEvent event_;
};

TEST(Matcher, TellsWhichRulesFireInOrder) {
  CompiledPolicy policy = policy_of({
      is(FieldId::kProcName, "nc"),
      is(FieldId::kProcName, "sh"),
      negated(is(FieldId::kProcName, "sh")),
      {Constant{true}},
      is(FieldId::kProcName, "nc"),
  });
  policy.rules[3].enabled = false;
  FakeEvent event;
  event.with(FieldId::kProcName, {"nc"});
  EXPECT_THAT(fired(policy, event), ElementsAre(0, 2, 4));
  EXPECT_THAT(fired(policy, FakeEvent()), ElementsAre(2));
  EXPECT_THAT(fired(CompiledPolicy(), event), IsEmpty());
}

TEST(Matcher, JudgesOnlyTheRulesAskedFor) {
  CompiledPolicy policy = policy_of({
      is(FieldId::kProcName, "nc"),
      is(FieldId::kProcName, "sh"),
      is(FieldId::kProcPname, "sh"),
      is(FieldId::kProcName, "nc"),
  });
  policy.rules[3].enabled = false;
  const Matcher matcher(policy);
  CountingEvent event(FakeEvent().with(FieldId::kProcName, {"nc"}));
  MatchMemory memory;
  const std::vector<std::uint32_t> rules = {3, 1, 0};
  EXPECT_THAT(matcher.match(event, rules, memory), ElementsAre(0));
  EXPECT_EQ(event.asked[FieldId::kProcPname], 0);
}

TEST(Matcher, AsksAnEventOnceForEachField) {
  const Expr shell = check(FieldId::kProcName, Op::kIn, {"sh", "bash"});
  const Matcher matcher(policy_of({
      all_of({shell, is(FieldId::kProcPname, "nc")}),
      all_of({shell, negated(is(FieldId::kProcPname, "nc"))}),
      check(FieldId::kProcName, Op::kStartswith, {"b"}),
  }));
  CountingEvent event(FakeEvent().with(FieldId::kProcName, {"bash"}));
  MatchMemory memory;
  EXPECT_THAT(matcher.match(event, memory), ElementsAre(1, 2));
  EXPECT_EQ(event.asked[FieldId::kProcName], 1);
  EXPECT_EQ(event.asked[FieldId::kProcPname], 1);
}

TEST(Matcher, AsksNothingForRulesOfOtherEvents) {
  const Matcher matcher(policy_of({
      all_of({is(FieldId::kProcName, "nc"), event_is("connect")}),
      any_of({all_of({event_is("openat"), is(FieldId::kFdName, "/x")}),
              all_of({event_is("connect"), is(FieldId::kFdType, "ipv4")})}),
      all_of({negated(event_is("execve")), is(FieldId::kProcPname, "sh")}),
  }));
  CountingEvent event(FakeEvent().with(FieldId::kEvtType, {"execve"}));
  MatchMemory memory;
  EXPECT_THAT(matcher.match(event, memory), IsEmpty());
  EXPECT_EQ(event.asked, (std::map<FieldId, int>{{FieldId::kEvtType, 1}}));
}

TEST(Matcher, KnowsEventsWithoutATypeOrWithOneNobodyKnows) {
  const CompiledPolicy policy = policy_of({
      event_is("connect"),
      check(FieldId::kEvtType, Op::kNe, {"connect"}),
      negated(event_is("connect")),
      check(FieldId::kEvtType, Op::kExists),
      is(FieldId::kEvtType, "new"),
  });
  FakeEvent event;
  EXPECT_THAT(fired(policy, event), ElementsAre(2));
  event.with(FieldId::kEvtType, {"new"});
  EXPECT_THAT(fired(policy, event), ElementsAre(1, 2, 3, 4));
  event.with(FieldId::kEvtType, {"connect"});
  EXPECT_THAT(fired(policy, event), ElementsAre(0, 3));
  event.with(FieldId::kEvtType, {"connect", "new"});
  EXPECT_THAT(fired(policy, event), ElementsAre(0, 1, 3, 4));
  event.with(FieldId::kEvtType, {std::int64_t{1}});
  EXPECT_THAT(fired(policy, event), ElementsAre(2, 3));
}

TEST(Matcher, OneMemoryServesManyMatchers) {
  MatchMemory memory;
  FakeEvent event;
  event.with(FieldId::kProcName, {"nc"});
  const Matcher many(
      policy_of({is(FieldId::kProcPname, "a"), is(FieldId::kProcExe, "b"),
                 is(FieldId::kProcName, "nc")}));
  const Matcher few(policy_of({is(FieldId::kProcName, "nc")}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(many.match(event, memory), ElementsAre(2));
    EXPECT_THAT(few.match(event, memory), ElementsAre(0));
  }
}

TEST(Matcher, NeedsThePolicyNoMore) {
  auto policy = std::make_unique<CompiledPolicy>(
      policy_of({check(FieldId::kProcName, Op::kIn, {}, {0}),
                 check(FieldId::kProcName, Op::kGlob, {"n*"})}));
  policy->lists = {{.name = "names", .items = {"nc"}, .includes = {}}};
  const Matcher matcher(*policy);
  policy.reset();
  FakeEvent event;
  event.with(FieldId::kProcName, {"nc"});
  MatchMemory memory;
  EXPECT_THAT(matcher.match(event, memory), ElementsAre(0, 1));
}

TEST(MatchPlan, HoldsWhatRulesHaveInCommonOnce) {
  const Expr common =
      all_of({is(FieldId::kProcName, "nc"), is(FieldId::kProcPname, "sh")});
  std::vector<Expr> conditions;
  for (int i = 0; i < 100; ++i) {
    conditions.push_back(
        all_of({event_is("connect"), common,
                check(FieldId::kProcPid, Op::kEq, {std::int64_t{i}})}));
  }
  const auto plan = plan_match(policy_of(std::move(conditions)));
  EXPECT_EQ(plan->fields.size(), 4U);
  EXPECT_EQ(plan->field_leaves.size(), 103U);
  // What it is for connect, and for events of types nobody knows.
  EXPECT_LE(plan->nodes.size(), 103U + 1 + 100 + 100);
  ASSERT_EQ(plan->candidates.size(), 2U);
  EXPECT_EQ(plan->candidates[0].size() + plan->candidates[1].size(), 100U);
}

TEST(MatchPlan, ALongListIsNotCopiedForEachCheck) {
  List list = {.name = "long", .items = {}, .includes = {}};
  for (int i = 0; i < 1000; ++i) list.items.push_back(std::to_string(i));
  std::vector<Expr> conditions;
  for (int i = 0; i < 3; ++i) {
    conditions.push_back(
        check(FieldId::kProcName, Op::kIn, {"x" + std::to_string(i)}, {0}));
  }
  CompiledPolicy policy = policy_of(std::move(conditions));
  policy.lists = {list};
  const auto plan = plan_match(policy);
  std::vector<const TextSet*> sets;
  for (const MatchPlan::FieldLeaf& leaf : plan->field_leaves) {
    const auto& in = std::get<In<TextSet>>(leaf.check.requirement);
    ASSERT_EQ(in.more.size(), 1U);
    sets.push_back(in.more[0]);
  }
  ASSERT_EQ(sets.size(), 3U);
  EXPECT_EQ(sets[0], sets[1]);
  EXPECT_EQ(sets[0], sets[2]);
}

// Where not all could be looked at, what stands twice must not be taken for
// what stands once.
TEST(MatchPlan, IsNotLargerForLookingAtLess) {
  Expr part = is(FieldId::kProcName, "x");
  for (std::int64_t i = 0; i < 8; ++i) {
    part = all_of({all_of({check(FieldId::kProcPid, Op::kEq, {i}), part}),
                   all_of({check(FieldId::kProcPpid, Op::kEq, {i}), part})});
  }
  const CompiledPolicy policy = policy_of({part});
  const std::size_t all = plan_match(policy)->edges.size();
  for (std::size_t effort = 0; effort < 80; ++effort) {
    EXPECT_LE(plan_match(policy, effort)->edges.size(), 2 * all) << effort;
  }
}

TEST(MatchPlan, DecidesTypesOnlyAsFarAsThatIsWorthIt) {
  std::vector<Expr> conditions;
  for (const char* type : {"open", "connect", "execve", "bind"}) {
    conditions.push_back(
        any_of({event_is(type), is(FieldId::kProcName, type)}));
  }
  const CompiledPolicy policy = policy_of(std::move(conditions));
  const std::size_t all = plan_match(policy)->nodes.size();
  EXPECT_LT(plan_match(policy, 9)->nodes.size(), all);
  // What it takes to ask for the type itself.
  EXPECT_EQ(plan_match(policy, 0)->nodes.size(), 4U * 3);
}

}  // namespace
}  // namespace bailiff
