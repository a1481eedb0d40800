// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/inbound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "rules/lower/lower.h"
#include "rules/lower/observed.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::all_of;
using test::any_of;
using test::check;
using test::event_is;
using test::negated;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Expr listed(FieldId field) { return check(field, Op::kIn, {}, {0}); }
Expr port(FieldId field, Op op, std::int64_t number) {
  return check(field, op, {number});
}
Expr protocol(const char* name) {
  return check(FieldId::kFdL4proto, Op::kEq, {name});
}
Expr accepts() {
  return check(FieldId::kEvtType, Op::kIn, {"accept", "accept4"});
}
Expr receives() {
  return check(FieldId::kEvtType, Op::kIn, {"recvfrom", "recvmsg"});
}

// The plan of one rule, over a list of peers.
Plan planned(Expr condition, bool block = true) {
  CompiledPolicy policy;
  policy.lists = {{.name = "peers", .items = {"203.0.113.66"}, .includes = {}}};
  Rule rule;
  rule.name = "rule";
  rule.condition = std::move(condition);
  policy.rules.push_back(std::move(rule));
  policy.policies.resize(1);
  policy.policies[0].rules = {0};
  policy.policies[0].mode = Mode::kEnforce;
  policy.policies[0].block = block;
  return lower(policy, Facts{.values = {}, .complete = true});
}

TEST(ByEnds, TheClientOfAServerIsTheRemoteEnd) {
  const Expr client = all_of({listed(FieldId::kFdCip), listed(FieldId::kFdSnet),
                              port(FieldId::kFdCport, Op::kEq, 1)});
  EXPECT_EQ(by_ends(client, Role::kServer, true),
            all_of({listed(FieldId::kFdRip), listed(FieldId::kFdLnet),
                    port(FieldId::kFdRport, Op::kEq, 1)}));
  EXPECT_EQ(by_ends(client, Role::kClient, true),
            all_of({listed(FieldId::kFdLip), listed(FieldId::kFdRnet),
                    port(FieldId::kFdLport, Op::kEq, 1)}));
}

TEST(ByEnds, EitherEndIsBoth) {
  EXPECT_EQ(by_ends(listed(FieldId::kFdIp), Role::kServer, true),
            any_of({listed(FieldId::kFdRip), listed(FieldId::kFdLip)}));
  EXPECT_EQ(by_ends(port(FieldId::kFdPort, Op::kNe, 1), Role::kServer, true),
            all_of({port(FieldId::kFdRport, Op::kNe, 1),
                    port(FieldId::kFdLport, Op::kNe, 1)}));
  EXPECT_EQ(by_ends(port(FieldId::kFdPort, Op::kNe, 1), Role::kServer, false),
            port(FieldId::kFdLport, Op::kNe, 1));
}

TEST(ByEnds, OfWhatIsSentTheRemoteEndSaysWhetherItStaysOnTheHost) {
  const Expr loopback =
      check(FieldId::kFdNet, Op::kNe, {test::network("127.0.0.0/8")});
  EXPECT_EQ(by_ends_outbound(loopback, false),
            check(FieldId::kFdRnet, Op::kNe, {test::network("127.0.0.0/8")}));
  const Expr nothing =
      check(FieldId::kFdIp, Op::kNe, {test::address("0.0.0.0")});
  EXPECT_EQ(by_ends_outbound(nothing, false),
            check(FieldId::kFdRip, Op::kNe, {test::address("0.0.0.0")}));
  EXPECT_EQ(by_ends_outbound(listed(FieldId::kFdIp), false),
            any_of({listed(FieldId::kFdRip), listed(FieldId::kFdLip)}));
  EXPECT_EQ(by_ends_outbound(listed(FieldId::kFdSip), false),
            listed(FieldId::kFdSip));
}

TEST(ByEnds, WhoConnectsIsTheClient) {
  const Expr client =
      all_of({listed(FieldId::kFdCip), port(FieldId::kFdCport, Op::kEq, 1)});
  EXPECT_EQ(
      by_ends_outbound(client, true),
      all_of({listed(FieldId::kFdLip), port(FieldId::kFdLport, Op::kEq, 1)}));
  EXPECT_EQ(by_ends_outbound(client, false), client);
}

TEST(LocalPort, IsSettledWhereAllThatLinuxGivesAreTheSame) {
  const auto settled = [](Op op, std::int64_t number) {
    return settled_before_bound(
        std::get<Check>(port(FieldId::kFdLport, op, number).node));
  };
  for (const Op op : {Op::kEq, Op::kNe, Op::kLe, Op::kGt, Op::kIn}) {
    EXPECT_TRUE(settled(op, kFirstClientPort - 1)) << to_string(op);
    EXPECT_FALSE(settled(op, kFirstClientPort)) << to_string(op);
  }
  for (const Op op : {Op::kLt, Op::kGe}) {
    EXPECT_TRUE(settled(op, kFirstClientPort)) << to_string(op);
    EXPECT_FALSE(settled(op, kFirstClientPort + 1)) << to_string(op);
  }
  EXPECT_FALSE(
      settled_before_bound(std::get<Check>(listed(FieldId::kFdLport).node)));
}

TEST(Arrivals, AListedClientIsRefusedBeforeItIsAccepted) {
  const Plan plan = planned(all_of({accepts(), listed(FieldId::kFdCip),
                                    port(FieldId::kEvtRawres, Op::kGe, 0)}));
  ASSERT_EQ(plan.arrival.size(), 1U);
  EXPECT_TRUE(plan.arrival[0].deny);
  EXPECT_FALSE(plan.arrival[0].candidate);
  EXPECT_EQ(plan.arrival[0].condition,
            all_of({protocol("tcp"), listed(FieldId::kFdRip)}));
  const Placement& placement = plan.placements.at(0);
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_THAT(placement.hooks, ElementsAre(HookPoint::kIngress));
  EXPECT_THAT(placement.reason, HasSubstr("before a process gets it"));
  // What is let in is told of as before.
  EXPECT_THAT(plan.observe.calls, Not(testing::Eq(0U)));
}

TEST(Arrivals, NothingIsJudgedThatIsNotRefused) {
  const Plan plan =
      planned(all_of({accepts(), listed(FieldId::kFdCip)}), false);
  EXPECT_THAT(plan.arrival, IsEmpty());
  EXPECT_FALSE(plan.judges());
  EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kObserve);
}

TEST(Arrivals, APacketDoesNotShowAProcess) {
  const Plan plan =
      planned(all_of({accepts(), listed(FieldId::kFdCip),
                      check(FieldId::kProcName, Op::kEq, {"nc"})}));
  EXPECT_THAT(plan.arrival, IsEmpty());
  EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kObserve);
  EXPECT_THAT(plan.placements.at(0).reason,
              HasSubstr("a packet does not show 'proc.name'"));
}

TEST(Arrivals, ADescriptorIsNotNegative) {
  const auto judged = [](Op op, std::int64_t number) {
    return planned(all_of({accepts(), listed(FieldId::kFdCip),
                           port(FieldId::kFdNum, op, number)}))
        .arrival.size();
  };
  EXPECT_EQ(judged(Op::kGe, 0), 1U);
  EXPECT_EQ(judged(Op::kNe, -1), 1U);
  EXPECT_EQ(judged(Op::kGe, 3), 0U);
  EXPECT_EQ(judged(Op::kEq, 5), 0U);
  EXPECT_EQ(judged(Op::kLt, 0), 0U);
}

TEST(Arrivals, DatagramsOfAListedSenderAreRefusedAtServers) {
  const Plan plan = planned(all_of({receives(), listed(FieldId::kFdCip)}));
  ASSERT_EQ(plan.arrival.size(), 1U);
  EXPECT_EQ(plan.arrival[0].condition,
            all_of({protocol("udp"), port(FieldId::kFdLport, Op::kLt, 32768),
                    listed(FieldId::kFdRip)}));
}

TEST(Arrivals, DatagramsOfAListedPeerAreRefusedEverywhere) {
  const Plan plan = planned(all_of({receives(), listed(FieldId::kFdRip)}));
  EXPECT_EQ(
      plan.arrival.at(0).condition,
      any_of({all_of({protocol("udp"), port(FieldId::kFdLport, Op::kLt, 32768),
                      listed(FieldId::kFdRip)}),
              all_of({protocol("udp"), port(FieldId::kFdLport, Op::kGe, 32768),
                      listed(FieldId::kFdRip)})}));
}

TEST(Arrivals, WhatMayBeAnAnswerIsNotRefusedByAnAllowList) {
  const Plan plan =
      planned(all_of({receives(), negated(listed(FieldId::kFdCip))}));
  EXPECT_EQ(plan.arrival.at(0).condition,
            all_of({protocol("udp"), port(FieldId::kFdLport, Op::kLt, 32768),
                    port(FieldId::kFdRport, Op::kGe, 32768),
                    negated(listed(FieldId::kFdRip))}));
  EXPECT_THAT(plan.placements.at(0).reason,
              HasSubstr("datagrams that may be answers are not refused"));
}

TEST(Arrivals, ARuleMayBeAboutBothDirections) {
  const Plan plan =
      planned(all_of({check(FieldId::kEvtType, Op::kIn, {"connect", "accept"}),
                      listed(FieldId::kFdRip)}));
  EXPECT_THAT(
      plan.placements.at(0).hooks,
      ElementsAre(HookPoint::kConnect4, HookPoint::kConnect6,
                  HookPoint::kSendmsg4, HookPoint::kSendmsg6,
                  HookPoint::kEgress, HookPoint::kFrame, HookPoint::kIngress));
  EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kKernel);
}

TEST(Binds, AreRefusedWhereTheKernelKnowsAll) {
  const Plan plan =
      planned(all_of({event_is("bind"), port(FieldId::kFdSport, Op::kEq, 7080),
                      check(FieldId::kProcName, Op::kEq, {"nc"}),
                      port(FieldId::kEvtRawres, Op::kGe, 0)}));
  EXPECT_EQ(plan.bind.at(0).condition,
            all_of({port(FieldId::kFdLport, Op::kEq, 7080),
                    check(FieldId::kProcName, Op::kEq, {"nc"})}));
  EXPECT_TRUE(plan.bind.at(0).deny);
  EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kKernel);
  EXPECT_THAT(plan.placements.at(0).hooks,
              ElementsAre(HookPoint::kPostBind4, HookPoint::kPostBind6));
  EXPECT_EQ(plan.observe.calls, 0U);
}

TEST(Binds, AreObservedOtherwise) {
  const Expr condition =
      all_of({event_is("bind"), port(FieldId::kFdSport, Op::kEq, 7080),
              check(FieldId::kProcCwd, Op::kEq, {"/tmp"})});
  for (const bool block : {true, false}) {
    const Plan plan = planned(condition, block);
    EXPECT_THAT(plan.bind, IsEmpty());
    EXPECT_EQ(plan.observe.calls, bit_of(BAILIFF_CALL_BIND));
    EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kObserve);
  }
}

TEST(Binds, AreRefusedByTheTextsOfTheProcess) {
  for (const FieldId text :
       {FieldId::kProcExe, FieldId::kProcExepath, FieldId::kProcArgs,
        FieldId::kProcCmdline, FieldId::kProcPname, FieldId::kProcAname}) {
    const Expr of_text = check(text, Op::kEq, {"sh"});
    const Plan plan = planned(all_of(
        {event_is("bind"), port(FieldId::kFdSport, Op::kEq, 7080), of_text}));
    EXPECT_EQ(plan.bind.at(0).condition,
              all_of({port(FieldId::kFdLport, Op::kEq, 7080), of_text}));
    EXPECT_TRUE(plan.bind.at(0).deny);
    EXPECT_FALSE(plan.bind.at(0).candidate);
    EXPECT_EQ(plan.bits.size(), 1U);
    EXPECT_EQ(plan.observe.calls, 0U);
    EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kKernel);
    EXPECT_THAT(plan.placements.at(0).reason,
                HasSubstr("' are decided when a program is executed"));
  }
}

TEST(Binds, OfRootAreThoseOfNumberZero) {
  const Plan plan = planned(
      all_of({event_is("bind"), check(FieldId::kUserName, Op::kEq, {"root"})}));
  EXPECT_EQ(plan.bind.at(0).condition, port(FieldId::kUserUid, Op::kEq, 0));
}

TEST(Binds, HaveNoRemoteEnd) {
  EXPECT_THAT(planned(all_of({event_is("bind"), listed(FieldId::kFdRip)})).bind,
              IsEmpty());
  EXPECT_EQ(planned(all_of({event_is("bind"), negated(listed(FieldId::kFdCip)),
                            listed(FieldId::kFdLip)}))
                .bind.at(0)
                .condition,
            listed(FieldId::kFdLip));
}

// Of a rule on either end, the remote one is certain before the local one is.
TEST(Outbound, WhatIsCertainIsRefusedAndTheRestIsObserved) {
  const Plan plan =
      planned(all_of({event_is("connect"), listed(FieldId::kFdIp)}));
  EXPECT_EQ(plan.connect.at(0).condition, listed(FieldId::kFdRip));
  EXPECT_TRUE(plan.connect.at(0).deny);
  EXPECT_EQ(plan.observe.calls, bit_of(BAILIFF_CALL_CONNECT));
  EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kKernel);
  const Plan told =
      planned(all_of({event_is("connect"), listed(FieldId::kFdIp)}), false);
  EXPECT_THAT(told.connect, IsEmpty());
  EXPECT_EQ(told.observe.calls, bit_of(BAILIFF_CALL_CONNECT));
}

TEST(Outbound, AnAllowListOfEitherEndIsNotCertain) {
  const Plan plan =
      planned(all_of({event_is("connect"), negated(listed(FieldId::kFdIp))}));
  EXPECT_THAT(plan.connect, IsEmpty());
  EXPECT_EQ(plan.observe.calls, bit_of(BAILIFF_CALL_CONNECT));
}

TEST(Outbound, FalcosNotLoopbackIsDecidedInTheKernel) {
  const Plan plan = planned(
      all_of({event_is("connect"),
              check(FieldId::kFdNet, Op::kNe, {test::network("127.0.0.0/8")}),
              check(FieldId::kFdIp, Op::kNe, {test::address("0.0.0.0")}),
              negated(listed(FieldId::kFdSnet))}));
  EXPECT_TRUE(plan.connect.at(0).deny);
  EXPECT_EQ(plan.observe.calls, 0U);
}

}  // namespace
}  // namespace bailiff
