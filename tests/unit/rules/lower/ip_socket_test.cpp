// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/ip_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "rules/lower/lower.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::all_of;
using test::any_of;
using test::check;
using test::event_is;
using test::parameter;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Expr family(const char* typechar) {
  return check(FieldId::kFdTypechar, Op::kEq, {typechar});
}

// The plan of one rule about sockets.
Plan planned(Expr condition, bool block = true) {
  CompiledPolicy policy;
  policy.rules.resize(1);
  policy.rules[0].condition =
      all_of({event_is("socket"), std::move(condition)});
  policy.policies.resize(1);
  policy.policies[0].rules = {0};
  policy.policies[0].block = block;
  return lower(policy, Facts{.values = {}, .complete = true});
}

TEST(IpSocket, ARuleOnTypeAndProcessIsDecidedWhenItIsMade) {
  const Expr condition = all_of({parameter("type", Op::kEq, {"3"}),
                                 check(FieldId::kProcName, Op::kNe, {"ping"})});
  const Plan plan = planned(condition);
  ASSERT_EQ(plan.socket.size(), 1U);
  EXPECT_EQ(plan.socket.front().condition, condition);
  EXPECT_TRUE(plan.socket.front().deny);
  EXPECT_THAT(plan.placements.front().hooks,
              ElementsAre(HookPoint::kSockCreate));
  EXPECT_THAT(plan.placements.front().reason,
              HasSubstr("refused by a program"));
  // As before, by the call.
  EXPECT_THAT(plan.held.rules, ElementsAre(0));
}

TEST(IpSocket, AParameterMayBeNamedByItsPlace) {
  EXPECT_EQ(planned(parameter("2", Op::kEq, {"3"})).socket.size(), 1U);
  EXPECT_THAT(planned(parameter("1", Op::kEq, {"AF_PACKET"})).socket,
              IsEmpty());
}

TEST(IpSocket, AFamilyIsOneOfTwo) {
  const auto domain = [](const char* name) {
    return parameter("domain", Op::kEq, {name});
  };
  const Expr raw = parameter("type", Op::kEq, {"3"});
  EXPECT_EQ(planned(all_of({domain("AF_INET6"), raw})).socket.front().condition,
            all_of({family("6"), raw}));
  EXPECT_EQ(planned(any_of({domain("AF_INET"), raw})).socket.front().condition,
            any_of({family("4"), all_of({family("6"), raw})}));
  EXPECT_EQ(planned(all_of({parameter("domain", Op::kIn,
                                      {"AF_INET", "AF_INET6", "AF_PACKET"}),
                            raw}))
                .socket.front()
                .condition,
            raw);
  EXPECT_THAT(planned(domain("AF_PACKET")).socket, IsEmpty());
}

TEST(IpSocket, WhatAProgramDoesNotKnowLeavesTheRuleToSeccomp) {
  for (const Expr& condition : {check(FieldId::kProcCwd, Op::kEq, {"/tmp"}),
                                parameter("flags", Op::kEq, {"0"}),
                                parameter("type", Op::kStartswith, {"3"})}) {
    const Plan plan =
        planned(all_of({condition, parameter("type", Op::kNe, {"1"})}));
    EXPECT_THAT(plan.socket, IsEmpty());
    EXPECT_THAT(plan.placements.front().hooks,
                Not(Contains(HookPoint::kSockCreate)));
  }
}

TEST(IpSocket, ChecksOfTheProgramAreBits) {
  const Plan plan =
      planned(check(FieldId::kProcCmdline, Op::kContains, {"evil"}));
  EXPECT_EQ(plan.socket.size(), 1U);
  EXPECT_EQ(plan.bits.size(), 1U);
}

TEST(IpSocket, ARuleThatRefusesNothingHasNoProgram) {
  EXPECT_THAT(planned(parameter("type", Op::kEq, {"3"}), false).socket,
              IsEmpty());
}

}  // namespace
}  // namespace bailiff
