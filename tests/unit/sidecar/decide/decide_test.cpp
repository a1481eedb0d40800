// SPDX-License-Identifier: Apache-2.0
#include "sidecar/decide/decide.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace bailiff::sidecar {
namespace {

Policy policy_of(Mode mode, bool block, Response response) {
  Policy policy;
  policy.name = "p";
  policy.rules = {0, 2};
  policy.mode = mode;
  policy.block = block;
  policy.response = response;
  return policy;
}

CompiledPolicy with(std::vector<Policy> policies) {
  CompiledPolicy compiled;
  compiled.rules.resize(3);
  compiled.policies = std::move(policies);
  return compiled;
}

struct Row {
  const char* name;
  Mode mode;
  bool block;
  Response response;
  Enforcement enforcement;
  bool denied;
  bool exempt;
  Verdict verdict;
  Fate fate;
  Response carried_out;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.name;
}

TEST(Decide, CapturesWhereAPolicyThatEnforcesAsksForIt) {
  Policy asks = policy_of(Mode::kEnforce, false, Response::kNone);
  asks.capture = true;
  const Policy kills = policy_of(Mode::kEnforce, false, Response::kKill);
  const Decision both = decide(with({asks, kills}), {0, 1}, {.rule = 2}, false);
  EXPECT_TRUE(both.capture);
  EXPECT_TRUE(both.policies[0].capture);
  EXPECT_FALSE(both.policies[1].capture);
  EXPECT_FALSE(decide(with({asks}), {0}, {.rule = 2}, true).capture);
  asks.mode = Mode::kMonitor;
  EXPECT_FALSE(decide(with({asks}), {0}, {.rule = 2}, false).capture);
}

class DecideTable : public testing::TestWithParam<Row> {};

TEST_P(DecideTable, Holds) {
  const Row& row = GetParam();
  const Decision decision =
      decide(with({policy_of(row.mode, row.block, row.response)}), {0},
             {.rule = 2, .enforcement = row.enforcement, .denied = row.denied},
             row.exempt);
  ASSERT_EQ(decision.policies.size(), 1U);
  EXPECT_EQ(decision.policies[0].verdict, row.verdict);
  EXPECT_EQ(decision.policies[0].fate, row.fate);
  EXPECT_EQ(decision.policies[0].response, row.response);
  EXPECT_EQ(decision.response, row.carried_out);
}

using enum Mode;
using enum Verdict;
constexpr Response kKill = Response::kKill;
constexpr Response kNothing = Response::kNone;
constexpr Enforcement kKernel = Enforcement::kKernel;

INSTANTIATE_TEST_SUITE_P(
    , DecideTable,
    testing::Values(Row{"BlockedAndKilled", kEnforce, true, kKill, kKernel,
                        true, false, kDenied, Fate::kCarriedOut, kKill},
                    Row{"BlockedOnly", kEnforce, true, kNothing, kKernel, true,
                        false, kDenied, Fate::kNone, kNothing},
                    Row{"KilledOnly", kEnforce, false, kKill, kKernel, false,
                        false, kAllowed, Fate::kCarriedOut, kKill},
                    Row{"MonitorNeverResponds", kMonitor, false, kKill, kKernel,
                        false, false, kAllowed, Fate::kWould, kNothing},
                    Row{"MonitorWouldDeny", kMonitor, true, kKill, kKernel,
                        false, false, kWouldDeny, Fate::kWould, kNothing},
                    Row{"MonitorOfWhatAnotherDenied", kMonitor, true, kKill,
                        kKernel, true, false, kDenied, Fate::kWould, kNothing},
                    Row{"MonitorCannotDenyWhatItObserves", kMonitor, true,
                        kKill, Enforcement::kObserve, false, false, kObserved,
                        Fate::kWould, kNothing},
                    Row{"ObservedAndKilled", kEnforce, true, kKill,
                        Enforcement::kObserve, false, false, kObserved,
                        Fate::kCarriedOut, kKill},
                    Row{"ExternalAndKilled", kEnforce, true, kKill,
                        Enforcement::kExternal, false, false, kObserved,
                        Fate::kCarriedOut, kKill},
                    Row{"ExemptIsToldOnly", kEnforce, true, kKill, kKernel,
                        true, true, kDenied, Fate::kExempt, kNothing},
                    Row{"ExemptWithoutResponse", kEnforce, false, kNothing,
                        kKernel, false, true, kAllowed, Fate::kNone, kNothing},
                    Row{"ExemptInMonitor", kMonitor, false, kKill, kKernel,
                        false, true, kAllowed, Fate::kWould, kNothing}),
    [](const testing::TestParamInfo<Row>& row) {
      return std::string(row.param.name);
    });

TEST(Decide, CarriesOutTheStrongestResponseOnce) {
  const Decision decision =
      decide(with({policy_of(kEnforce, false, Response::kPause),
                   policy_of(kEnforce, false, Response::kKill),
                   policy_of(kMonitor, false, Response::kKill),
                   policy_of(kEnforce, false, Response::kNone)}),
             {0, 1, 2, 3}, {.rule = 0, .enforcement = kKernel}, false);
  EXPECT_EQ(decision.response, Response::kKill);
  EXPECT_EQ(decision.by, 1U);
  ASSERT_EQ(decision.policies.size(), 4U);
  EXPECT_EQ(decision.policies[0].fate, Fate::kSuperseded);
  EXPECT_EQ(decision.policies[1].fate, Fate::kCarriedOut);
  EXPECT_EQ(decision.policies[2].fate, Fate::kWould);
  EXPECT_EQ(decision.policies[3].fate, Fate::kNone);
}

TEST(Decide, LeavesOutPoliciesWithoutTheRuleAndOutOfScope) {
  const CompiledPolicy compiled = with(
      {policy_of(kEnforce, false, kKill), policy_of(kEnforce, false, kKill)});
  EXPECT_TRUE(decide(compiled, {0, 1}, {.rule = 1}, false).policies.empty());
  const Decision decision = decide(compiled, {1}, {.rule = 0}, false);
  ASSERT_EQ(decision.policies.size(), 1U);
  EXPECT_EQ(decision.policies[0].policy, 1U);
}

Policy on_loss(Mode mode, Response response) {
  Policy policy = policy_of(mode, true, Response::kKill);
  policy.on_loss = response;
  return policy;
}

TEST(DecideLoss, CarriesOutTheStrongestThatIsAskedForAndNoOther) {
  const Decision decision =
      decide_loss(with({on_loss(Mode::kEnforce, Response::kPause),
                        on_loss(Mode::kEnforce, Response::kNone),
                        on_loss(Mode::kEnforce, Response::kStop)}),
                  {0, 1, 2}, true, false);
  EXPECT_EQ(decision.response, Response::kStop);
  EXPECT_EQ(decision.by, 2U);
  ASSERT_EQ(decision.policies.size(), 2U);
  EXPECT_EQ(decision.policies[0].fate, Fate::kSuperseded);
  EXPECT_EQ(decision.policies[1].fate, Fate::kCarriedOut);
  EXPECT_EQ(decision.policies[1].verdict, Verdict::kObserved);
}

TEST(DecideLoss, HasTheGuardRailsOfEveryResponse) {
  const CompiledPolicy monitor =
      with({on_loss(Mode::kMonitor, Response::kKill)});
  EXPECT_EQ(decide_loss(monitor, {0}, true, false).policies[0].fate,
            Fate::kWould);
  EXPECT_EQ(decide_loss(monitor, {0}, true, false).response, Response::kNone);
  const CompiledPolicy enforce =
      with({on_loss(Mode::kEnforce, Response::kKill)});
  EXPECT_EQ(decide_loss(enforce, {0}, true, true).policies[0].fate,
            Fate::kExempt);
  EXPECT_EQ(decide_loss(enforce, {}, true, false).policies.size(), 0U);
}

TEST(DecideLoss, PunishesNobodyForTheFloodOfAnother) {
  Policy policy = on_loss(Mode::kEnforce, Response::kKill);
  policy.capture = true;
  const Decision caused = decide_loss(with({policy}), {0}, true, false);
  EXPECT_EQ(caused.response, Response::kKill);
  EXPECT_TRUE(caused.capture);
  const Decision other = decide_loss(with({policy}), {0}, false, false);
  EXPECT_EQ(other.response, Response::kNone);
  EXPECT_FALSE(other.capture);
  EXPECT_EQ(other.policies[0].fate, Fate::kNotTheCause);
}

}  // namespace
}  // namespace bailiff::sidecar
