// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "rules/lower/connect.h"
#include "rules/lower/observed.h"
#include "rules/lower/open_check.h"
#include "rules/lower/placement.h"
#include "rules/lower/task.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::address;
using test::all_of;
using test::any_of;
using test::check;
using test::event_is;
using test::negated;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A policy over one list "c2", with rules added by hand.
class PolicyBuilder {
 public:
  PolicyBuilder() {
    policy_.lists = {{.name = "c2", .items = {"203.0.113.66"}, .includes = {}}};
  }
  PolicyBuilder& list(std::string name, std::vector<std::string> items) {
    policy_.lists.push_back(
        {.name = std::move(name), .items = std::move(items), .includes = {}});
    return *this;
  }
  PolicyBuilder& rule(Expr condition) {
    Rule rule;
    rule.name = "rule " + std::to_string(policy_.rules.size());
    rule.condition = std::move(condition);
    policy_.rules.push_back(std::move(rule));
    return *this;
  }
  PolicyBuilder& policy(std::vector<std::uint32_t> rules, Mode mode, bool block,
                        std::optional<Expr> scope = {}) {
    Policy policy;
    policy.name = "policy " + std::to_string(policy_.policies.size());
    policy.rules = std::move(rules);
    policy.mode = mode;
    policy.block = block;
    policy.scope = std::move(scope);
    policy_.policies.push_back(std::move(policy));
    return *this;
  }
  operator const CompiledPolicy&() const { return policy_; }

 private:
  CompiledPolicy policy_;
};

Expr c2() { return check(FieldId::kFdSip, Op::kIn, {}, {0}); }
Expr log4j() {
  return all_of(
      {event_is("connect"), check(FieldId::kEvtDir, Op::kEq, {"<"}), c2()});
}
Expr directory() { return check(FieldId::kProcCwd, Op::kEq, {"/tmp"}); }

Placement placed(Expr condition, const Facts& facts = {}) {
  return place_all(PolicyBuilder().rule(std::move(condition)), facts).at(0);
}

Facts complete() {
  Facts facts;
  facts.complete = true;
  facts.values["container.image.repository"] = {"docker.io/shop/cart"};
  return facts;
}

TEST(Place, TheKernelDecidesWhatItKnows) {
  const Placement placement = placed(log4j());
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_THAT(placement.hooks,
              ElementsAre(HookPoint::kConnect4, HookPoint::kConnect6,
                          HookPoint::kSendmsg4, HookPoint::kSendmsg6));
  EXPECT_EQ(placement.folded, "evt.type = connect and fd.sip in (c2)");
  EXPECT_THAT(placement.fields,
              ElementsAre(FieldId::kEvtType, FieldId::kFdSip));
  EXPECT_EQ(placement.reason, "decided before the connection is made");
}

TEST(Place, WhatIsReadLaterIsObserved) {
  const Placement placement =
      placed(all_of({event_is("connect"), c2(), directory()}));
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_THAT(placement.hooks,
              ElementsAre(HookPoint::kConnect4, HookPoint::kConnect6,
                          HookPoint::kSendmsg4, HookPoint::kSendmsg6));
  EXPECT_EQ(placement.reason,
            "'proc.cwd' is read from /proc after the connection was decided");
}

TEST(Place, NamesEveryFieldThatIsReadLater) {
  const Placement placement =
      placed(all_of({event_is("connect"), c2(), directory(),
                     check(FieldId::kProcPpid, Op::kEq, {std::int64_t{1}}),
                     check(FieldId::kFdName, Op::kContains, {"x"})}));
  EXPECT_EQ(placement.reason,
            "'proc.cwd' and 'proc.ppid' are read from /proc after the "
            "connection was decided; 'fd.name' is not settled before the "
            "connection is made");
}

TEST(Place, NamesTheOperatorThatTheKernelDoesNotDecide) {
  const auto reason = [](FieldId field, Op op, const char* value,
                         const char* argument = "") {
    Expr open = check(field, op, {value});
    std::get<Check>(open.node).argument = argument;
    return placed(all_of({event_is("connect"), c2(), std::move(open)})).reason;
  };
  EXPECT_EQ(reason(FieldId::kProcName, Op::kGlob, "j*"),
            "the kernel does not decide 'proc.name glob'");
  EXPECT_EQ(reason(FieldId::kProcPname, Op::kGlob, "j*"),
            "the kernel does not decide 'proc.pname glob'");
  EXPECT_EQ(reason(FieldId::kProcArgs, Op::kEq, "x", "0"),
            "the kernel does not decide 'proc.args[0] ='");
}

TEST(Place, SaysThatATextIsTooLong) {
  const std::string longest(BAILIFF_MAX_TASK_TEXT, 'x');
  const auto placed_with = [](std::string text) {
    return placed(all_of(
        {event_is("connect"), c2(),
         check(FieldId::kProcCmdline, Op::kContains, {std::move(text)})}));
  };
  EXPECT_EQ(placed_with(longest).enforcement, Enforcement::kKernel);
  EXPECT_EQ(placed_with(longest + "x").reason,
            "'proc.cmdline' is compared with a text of more than 112 bytes");
}

TEST(Place, SaysWhatOfTheLocalEndIsNotSettled) {
  for (const FieldId field :
       {FieldId::kFdCport, FieldId::kFdLport, FieldId::kFdPort}) {
    for (const char* type : {"connect", "sendto"}) {
      const CompiledPolicy policy =
          PolicyBuilder()
              .rule(all_of({event_is(type),
                            check(field, Op::kIn,
                                  {std::int64_t{22}, std::int64_t{40000}})}))
              .policy({0}, Mode::kEnforce, true);
      EXPECT_THAT(lower(policy, complete()).placements.at(0).reason,
                  HasSubstr("'" + std::string(bailiff::field(field).name) +
                            "' is of the local end"))
          << type;
    }
  }
  EXPECT_THAT(placed(all_of({event_is("connect"),
                             check(FieldId::kFdCip, Op::kIn, {}, {0}),
                             check(FieldId::kFdLnet, Op::kIn, {}, {0})}))
                  .reason,
              HasSubstr("'fd.cip' and 'fd.lnet' are of the local end, which is "
                        "not settled before the connection is made"));
}

// What Linux gives a socket without a port is none of these.
TEST(Place, ALocalPortThatNoClientIsGivenIsDecidedBeforeTheConnection) {
  const CompiledPolicy policy =
      PolicyBuilder()
          .list("ports", {"53", "443"})
          .rule(all_of({event_is("connect"),
                        negated(check(FieldId::kFdPort, Op::kIn, {}, {1}))}))
          .policy({0}, Mode::kEnforce, true);
  const Plan plan = lower(policy, complete());
  const auto ports = [](FieldId field) {
    return check(field, Op::kIn, {std::int64_t{53}, std::int64_t{443}});
  };
  const Expr other_ports = negated(any_of(
      {check(FieldId::kFdRport, Op::kIn, {}, {1}), ports(FieldId::kFdLport)}));
  ASSERT_EQ(plan.connect.size(), 1U);
  EXPECT_TRUE(plan.connect[0].deny);
  EXPECT_EQ(plan.connect[0].condition, other_ports);
  // So are messages, and packets that go elsewhere than these say.
  ASSERT_EQ(plan.send.size(), 1U);
  EXPECT_EQ(plan.send[0].condition, other_ports);
  ASSERT_EQ(plan.packet.size(), 1U);
  EXPECT_TRUE(plan.packet[0].raw);
  EXPECT_TRUE(plan.observe.rules.empty());
  EXPECT_THAT(plan.placements.at(0).reason,
              HasSubstr("a socket without a local port is taken to get one "
                        "from 32768 on"));
}

TEST(Place, AHookIsOfIpSocketsAndOfWhatSucceeds) {
  const auto connects = [](Expr expr) {
    return placed(all_of({event_is("connect"), c2(), std::move(expr)}));
  };
  const Expr ip = check(FieldId::kFdSockfamily, Op::kEq, {"ip"});
  const Expr local = check(FieldId::kFdSockfamily, Op::kEq, {"unix"});
  const Expr failed = check(FieldId::kEvtFailed, Op::kEq, {true});
  EXPECT_EQ(connects(ip).reason, "decided before the connection is made");
  EXPECT_EQ(connects(negated(failed)).reason,
            "decided before the connection is made");
  for (const Expr& other : {local, failed}) {
    const Placement placement =
        placed(all_of({event_is("connect"), other, directory()}));
    EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
    EXPECT_THAT(placement.hooks, IsEmpty());
    EXPECT_THAT(placement.reason, HasSubstr("'connect' events are judged by "
                                            "the service"));
  }
  EXPECT_THAT(placed(all_of({event_is("connect"), ip})).reason,
              testing::Not(HasSubstr("are not seen")));
  EXPECT_THAT(placed(event_is("connect")).reason, HasSubstr("are not seen"));
}

// To be a server there is not to connect from there.
TEST(Place, AMessageIsNotRefusedForThePortItIsFrom) {
  for (const FieldId field : {FieldId::kFdLport, FieldId::kFdCport}) {
    const CompiledPolicy policy =
        PolicyBuilder()
            .rule(all_of({event_is("connect"),
                          check(field, Op::kLt, {std::int64_t{1024}})}))
            .rule(all_of({event_is("connect"), check(FieldId::kFdPort, Op::kEq,
                                                     {std::int64_t{4444}})}))
            .policy({0, 1}, Mode::kEnforce, true);
    const Plan plan = lower(policy, complete());
    ASSERT_EQ(plan.connect.size(), 2U);
    EXPECT_TRUE(plan.connect[0].deny);
    // What a socket is given by chance is told when it is there.
    EXPECT_EQ(plan.observe.calls, bit_of(BAILIFF_CALL_CONNECT));
    EXPECT_EQ(plan.connect[0].condition,
              check(FieldId::kFdLport, Op::kLt, {std::int64_t{1024}}));
    ASSERT_EQ(plan.send.size(), 1U);
    EXPECT_EQ(plan.send[0].rule, 1U);
    EXPECT_EQ(plan.send[0].condition,
              check(FieldId::kFdRport, Op::kEq, {std::int64_t{4444}}));
  }
}

// What is only told is told by the port it has in the end; and so is what the
// service has to decide.
TEST(Place, AConnectionThatIsNotRefusedIsJudgedByThePortItGets) {
  const Expr from =
      all_of({event_is("connect"),
              check(FieldId::kFdLport, Op::kLt, {std::int64_t{1024}})});
  const Plan monitored = lower(
      PolicyBuilder().rule(from).policy({0}, Mode::kMonitor, true), complete());
  const Plan open = lower(PolicyBuilder()
                              .rule(all_of({from, directory()}))
                              .policy({0}, Mode::kEnforce, true),
                          complete());
  for (const Plan& plan : {monitored, open}) {
    EXPECT_THAT(plan.connect, IsEmpty());
    EXPECT_EQ(plan.observe.calls, bit_of(BAILIFF_CALL_CONNECT));
    EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kObserve);
  }
}

// The client of what is sent may be the peer.
TEST(Place, WhoTheClientOfAMessageIsStaysOpen) {
  const CompiledPolicy policy =
      PolicyBuilder()
          .rule(all_of({event_is("sendto"),
                        check(FieldId::kFdCport, Op::kEq, {std::int64_t{53}})}))
          .policy({0}, Mode::kEnforce, true);
  EXPECT_THAT(lower(policy, complete()).send, IsEmpty());
}

TEST(Place, SaysWhyTheHooksDoNotKnowWhatIsObserved) {
  const auto reason = [](Expr open) {
    return placed(all_of({event_is("connect"), c2(), std::move(open)})).reason;
  };
  EXPECT_THAT(reason(check(FieldId::kGroupName, Op::kEq, {"daemon"})),
              HasSubstr("'group.name' is looked up by the service"));
  EXPECT_THAT(reason(check(FieldId::kThreadVtid, Op::kEq, {std::int64_t{1}})),
              HasSubstr("'thread.vtid' is a number of the process's own pid "
                        "namespace"));
  EXPECT_THAT(reason(check(FieldId::kProcSid, Op::kEq, {std::int64_t{1}})),
              HasSubstr("'proc.sid' is told by the observer alone"));
}

// 'root' is 0 everywhere, and of other names the service finds the numbers.
TEST(Place, TheNameRootIsDecidedWhereverItStands) {
  const auto placed_in = [](Expr condition) {
    return lower(PolicyBuilder()
                     .list("admins", {"root"})
                     .list("users", {"root", "daemon"})
                     .rule(all_of({event_is("connect"), std::move(condition)}))
                     .policy({0}, Mode::kEnforce, true),
                 complete());
  };
  const Expr zero = check(FieldId::kUserUid, Op::kIn, {std::int64_t{0}});
  const Plan of_list = placed_in(check(FieldId::kUserName, Op::kIn, {}, {1}));
  EXPECT_EQ(of_list.connect.at(0).condition, zero);
  EXPECT_TRUE(of_list.connect.at(0).deny);
  EXPECT_TRUE(
      placed_in(negated(check(FieldId::kUserName, Op::kIn, {"root"}, {1})))
          .connect.at(0)
          .deny);
  // Root is none of those the service has to ask about.
  const Plan others =
      placed_in(negated(check(FieldId::kUserName, Op::kIn, {}, {2})));
  EXPECT_EQ(others.connect.at(0).condition, negated(zero));
  EXPECT_TRUE(others.connect.at(0).candidate);
  EXPECT_THAT(others.placements.at(0).reason,
              HasSubstr("'user.name' is looked up by the service after the "
                        "connection was decided"));
}

TEST(Place, TheAncestorThatIsTheProcessHasItsName) {
  Expr own = check(FieldId::kProcAname, Op::kEndswith, {"sh"});
  std::get<Check>(own.node).argument = "0";
  const Plan plan = lower(PolicyBuilder()
                              .rule(all_of({event_is("connect"), own}))
                              .policy({0}, Mode::kEnforce, true),
                          complete());
  EXPECT_EQ(plan.connect.at(0).condition,
            check(FieldId::kProcName, Op::kEndswith, {"sh"}));
  EXPECT_TRUE(plan.connect.at(0).deny);
  EXPECT_THAT(plan.bits, IsEmpty());
}

TEST(Place, EveryFieldThatTheKernelDoesNotDecideHasAReason) {
  for (const Field& one : all_fields()) {
    const bool told = (one.from & (kFromSidecarConnect | kFromObserved)) != 0;
    const bool decided =
        (one.from & (kFromKernelConnect | kFromContainer)) != 0 ||
        kept_as_bit(one.id);
    EXPECT_EQ(why_not_in_kernel(one.id).empty(), decided || !told) << one.name;
  }
}

TEST(Place, SaysWhenEveryConnectionIsReported) {
  EXPECT_THAT(placed(all_of({event_is("connect"), directory()})).reason,
              HasSubstr("every connection is reported"));
}

TEST(Place, SaysWhenOtherSocketsAreNotSeen) {
  EXPECT_THAT(placed(all_of({event_is("connect"),
                             check(FieldId::kProcName, Op::kEq, {"nc"})}))
                  .reason,
              HasSubstr("other than IPv4 and IPv6 sockets are not seen"));
}

TEST(Place, AContainersStartIsObserved) {
  const Placement placement =
      placed(all_of({event_is("container"),
                     check(FieldId::kContainerId, Op::kNe, {"host"})}));
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_THAT(placement.hooks, IsEmpty());
  EXPECT_THAT(placement.reason, HasSubstr("hook has registered"));
}

// Null would make 'not fd.uid = x' hold for every connection.
TEST(Place, AFieldNobodyTellsIsNotNull) {
  const Expr unknown = check(FieldId::kFdUid, Op::kEq, {"x"});
  for (const Expr& part : {unknown, negated(unknown)}) {
    const Placement placement =
        placed(all_of({event_is("connect"), c2(), part}));
    EXPECT_EQ(placement.enforcement, Enforcement::kUnsupported);
    EXPECT_EQ(placement.reason, "'fd.uid' has no source yet");
  }
}

TEST(Place, SaysWhyAFieldHasNoSource) {
  const Placement placement =
      placed(all_of({event_is("connect"), c2(),
                     check(FieldId::kK8sPodIp, Op::kEq, {"10.0.0.1"}),
                     check(FieldId::kK8sRsName, Op::kEq, {"shop"})}));
  EXPECT_EQ(placement.enforcement, Enforcement::kUnsupported);
  EXPECT_THAT(placement.reason,
              HasSubstr("'k8s.pod.ip' has no source: no manager writes it"));
  EXPECT_THAT(placement.reason, HasSubstr("compare 'k8s.pod.label'"));
}

// Neither what the policy's scope leaves out, nor what other facts decide, is
// asked for.
TEST(UntoldUses, AreThoseThatNothingElseDecides) {
  const auto labels = [] {
    return check(FieldId::kK8sPodLabels, Op::kEq, {"app:shop"});
  };
  const auto of_shop = [] {
    return check(FieldId::kK8sNsName, Op::kEq, {"shop"});
  };
  const CompiledPolicy policy =
      PolicyBuilder()
          .rule(all_of({c2(), labels()}))
          .rule(c2())
          .policy({1}, Mode::kEnforce, true, all_of({of_shop(), labels()}))
          .policy({0}, Mode::kEnforce, true, of_shop())
          .policy({1}, Mode::kEnforce, true);
  Facts facts;
  facts.complete = true;
  facts.untold = {"k8s.pod.labels"};
  facts.values["k8s.ns.name"] = {"shop"};
  const std::vector<UntoldUse> uses = untold_uses(policy, facts);
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].policy, 0U);
  EXPECT_EQ(uses[1].policy, 1U);
  EXPECT_EQ(uses[1].field, "k8s.pod.labels");
  // Null for those who go on all the same.
  EXPECT_THAT(lower(policy, facts).policies, ElementsAre(1, 2));
  facts.values["k8s.ns.name"] = {"blog"};
  EXPECT_THAT(untold_uses(policy, facts), IsEmpty());
  facts.values["k8s.ns.name"] = {"shop"};
  facts.untold.clear();
  EXPECT_THAT(untold_uses(policy, facts), IsEmpty());
}

TEST(Place, AFieldNobodyTellsMayBelongToAnotherEvent) {
  const Expr poll = all_of(
      {event_is("poll"), check(FieldId::kFdlistNums, Op::kContains, {"3"})});
  const Placement placement =
      placed(any_of({poll, all_of({event_is("connect"), c2()})}));
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_THAT(placement.reason, HasSubstr("'poll' events have no source yet"));
}

TEST(Place, EventsWithoutASourceAreUnsupported) {
  const Placement placement =
      placed(check(FieldId::kEvtType, Op::kIn, {"poll", "futex"}));
  EXPECT_EQ(placement.enforcement, Enforcement::kUnsupported);
  EXPECT_EQ(placement.reason, "'futex' and 'poll' events have no source yet");
}

TEST(Place, WhatIsToldWhenDoneIsObserved) {
  const Placement placement =
      placed(all_of({check(FieldId::kEvtType, Op::kIn, {"open", "execve"}),
                     check(FieldId::kProcCwd, Op::kEq, {"/tmp"})}));
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_THAT(placement.hooks, IsEmpty());
  EXPECT_EQ(placement.reason,
            "before a new program runs, the kernel does not decide "
            "'proc.cwd'; 'execve' and 'open' events are judged by the service "
            "once they have happened; what io_uring does is not seen");
}

// A rule that names one event that can be told and one that cannot is not
// weakened in silence.
TEST(Place, SaysWhichEventsOfAnObservedRuleAreMissed) {
  const Placement placement =
      placed(check(FieldId::kEvtType, Op::kIn, {"open", "poll"}));
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_THAT(placement.reason, HasSubstr("'poll' events have no source yet"));
}

TEST(Place, AConnectTheHooksCannotJudgeIsObserved) {
  const Placement placement =
      placed(all_of({event_is("connect"), check(FieldId::kFdLport, Op::kEq,
                                                {std::int64_t{40000}})}));
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_THAT(placement.hooks, IsEmpty());
}

TEST(Place, AParameterThatIsNotCapturedIsNotNull) {
  const auto argument = [](const char* name) {
    Expr expr = check(FieldId::kEvtArg, Op::kEq, {"0"});
    std::get<Check>(expr.node).argument = name;
    return placed(all_of({event_is("execve"), negated(expr)})).enforcement;
  };
  EXPECT_EQ(argument("res"), Enforcement::kObserve);
  EXPECT_EQ(argument("vm_size"), Enforcement::kUnsupported);
  EXPECT_EQ(argument("8"), Enforcement::kUnsupported);  // pgft_maj
}

TEST(Place, TellsWhichOfItsEventsAreServed) {
  const Placement placement = placed(all_of(
      {check(FieldId::kEvtType, Op::kIn, {"connect", "shutdown"}), c2()}));
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_THAT(placement.reason,
              HasSubstr("'shutdown' events have no source yet"));
}

TEST(Place, ARuleThatTellsNoPeersApartIsNotToldOfMessages) {
  const Placement placement =
      placed(all_of({event_is("connect"),
                     check(FieldId::kFdSport, Op::kEq, {std::int64_t{53}})}));
  EXPECT_THAT(placement.hooks,
              ElementsAre(HookPoint::kConnect4, HookPoint::kConnect6));
}

TEST(Place, EventTypesFollowFromNegationsToo) {
  const Placement placement = placed(
      all_of({negated(check(FieldId::kEvtType, Op::kNe, {"connect"})), c2()}));
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_EQ(placement.reason, "decided before the connection is made");
}

TEST(Place, ARuleForAnyEventIsDecidedForConnects) {
  const Placement placement =
      placed(check(FieldId::kProcName, Op::kEq, {"nc"}));
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_THAT(placement.reason, HasSubstr("events other than 'connect'"));
}

// The hooks judge a connection as if it succeeded.
TEST(Place, AFailedConnectIsObserved) {
  const Expr fails = check(FieldId::kEvtRawres, Op::kLt, {std::int64_t{0}});
  const Placement placement = placed(all_of({event_is("connect"), fails}));
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_THAT(placement.hooks, IsEmpty());
  EXPECT_THAT(placed(fails).reason, HasSubstr("as if they succeeded"));
}

TEST(Place, WhatCanNeverHoldNeedsNothing) {
  const Placement placement = placed(all_of(
      {event_is("open"), check(FieldId::kEvtNum, Op::kEq, {std::int64_t{0}})}));
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_THAT(placement.hooks, IsEmpty());
  EXPECT_EQ(placement.reason, "the condition can never hold");
}

TEST(Place, ConditionsOnTheContainerAreDecidedAtItsStart) {
  const Expr condition = all_of(
      {event_is("connect"), c2(),
       check(FieldId::kContainerImageRepository, Op::kEndswith, {"/cart"})});
  const Placement unknown = placed(condition);
  EXPECT_EQ(unknown.enforcement, Enforcement::kKernel);
  EXPECT_THAT(unknown.reason,
              HasSubstr("conditions on 'container.image.repository'"));
  EXPECT_EQ(placed(condition, complete()).folded,
            "evt.type = connect and fd.sip in (c2)");
}

TEST(Place, ListsOfNamesAreBounded) {
  std::vector<Value> names;
  for (std::size_t i = 0; i < kMaxInlineOperands; ++i) {
    names.emplace_back("p" + std::to_string(i));
  }
  const auto condition = [&] {
    return all_of(
        {event_is("connect"), c2(), check(FieldId::kProcName, Op::kIn, names)});
  };
  EXPECT_EQ(placed(condition()).enforcement, Enforcement::kKernel);
  names.emplace_back("one more");
  const Placement placement = placed(condition());
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_EQ(placement.reason,
            "'proc.name' is compared with 513 operands, more than the 512 a "
            "program holds");
}

TEST(Lower, DeniesWhereAnEnforcingPolicyBlocks) {
  const auto denies = [](Mode mode, bool block, Expr condition) {
    return lower(PolicyBuilder()
                     .rule(std::move(condition))
                     .policy({0}, mode, block),
                 complete())
        .connect.at(0)
        .deny;
  };
  EXPECT_TRUE(denies(Mode::kEnforce, true, log4j()));
  EXPECT_FALSE(denies(Mode::kEnforce, false, log4j()));
  EXPECT_FALSE(denies(Mode::kMonitor, true, log4j()));
  EXPECT_FALSE(denies(Mode::kEnforce, true, all_of({log4j(), directory()})));
}

// The plan of a rule that is refused.
Plan refusing(Expr condition) {
  return lower(PolicyBuilder()
                   .rule(std::move(condition))
                   .policy({0}, Mode::kEnforce, true),
               complete());
}

TEST(Lower, RefusesPacketsToAListedPeer) {
  const Plan plan = refusing(log4j());
  EXPECT_THAT(plan.placements.at(0).hooks,
              ElementsAre(HookPoint::kConnect4, HookPoint::kConnect6,
                          HookPoint::kSendmsg4, HookPoint::kSendmsg6,
                          HookPoint::kEgress, HookPoint::kFrame));
  EXPECT_TRUE(plan.send.at(0).deny);
  EXPECT_TRUE(plan.packet.at(0).deny);
  EXPECT_EQ(plan.packet.at(0).condition, c2());
}

Expr named() { return check(FieldId::kFdSipName, Op::kIn, {}, {0}); }

TEST(Lower, ARuleOnNamesIsDecidedWhereTheyAreAskedFor) {
  const Plan plan = refusing(all_of({event_is("connect"), named()}));
  const Placement& placement = plan.placements.at(0);
  EXPECT_EQ(placement.enforcement, Enforcement::kKernel);
  EXPECT_THAT(
      placement.hooks,
      ElementsAre(HookPoint::kConnect4, HookPoint::kConnect6,
                  HookPoint::kSendmsg4, HookPoint::kSendmsg6,
                  HookPoint::kEgress, HookPoint::kQuery, HookPoint::kAnswer));
  EXPECT_THAT(placement.reason, HasSubstr("when it is asked for"));
  EXPECT_EQ(plan.query.at(0).condition, named());
  EXPECT_TRUE(plan.query.at(0).deny);
  EXPECT_EQ(plan.answer.at(0).condition, named());
  EXPECT_EQ(plan.connect.at(0).condition, named());
  EXPECT_THAT(plan.frame, IsEmpty());
}

TEST(Lower, ANameBesideOtherFieldsIsDecidedAtTheConnection) {
  const Expr port = check(FieldId::kFdSport, Op::kEq, {std::int64_t{443}});
  const Plan plan = refusing(all_of({event_is("connect"), named(), port}));
  EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kKernel);
  EXPECT_EQ(plan.connect.at(0).condition, all_of({named(), port}));
  EXPECT_EQ(plan.answer.at(0).condition, named());
  EXPECT_TRUE(plan.answer.at(0).deny);
  EXPECT_THAT(plan.query, IsEmpty());
  EXPECT_TRUE(plan.acts_at(HookPoint::kQuery)) << "to know the question";
}

TEST(Lower, NothingIsDecidedByANameThatIsNotListed) {
  for (const Expr& condition :
       {check(FieldId::kFdSipName, Op::kNe, {"good.example"}),
        check(FieldId::kFdSipName, Op::kStartswith, {"good"})}) {
    const Plan plan = refusing(all_of({event_is("connect"), condition}));
    EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kUnsupported);
    EXPECT_THAT(plan.answer, IsEmpty());
  }
  const Plan client =
      refusing(all_of({event_is("accept"),
                       check(FieldId::kFdCipName, Op::kStartswith, {"good"})}));
  EXPECT_EQ(client.placements.at(0).enforcement, Enforcement::kUnsupported);
  EXPECT_EQ(client.observe.calls, 0U);
}

TEST(Lower, NothingIsRefusedForWantOfAName) {
  const Plan plan = refusing(all_of({event_is("connect"), negated(named())}));
  const Placement& placement = plan.placements.at(0);
  EXPECT_EQ(placement.enforcement, Enforcement::kObserve);
  EXPECT_THAT(placement.reason, HasSubstr("for want of a name"));
  EXPECT_EQ(plan.connect.at(0).condition, negated(named()));
  EXPECT_FALSE(plan.connect.at(0).deny);
  EXPECT_FALSE(plan.connect.at(0).candidate);
  EXPECT_FALSE(plan.send.at(0).deny);
  EXPECT_FALSE(plan.answer.at(0).deny) << "what cannot be read may be good";
  EXPECT_EQ(plan.answer.at(0).condition, named());
  EXPECT_THAT(plan.query, IsEmpty());
}

TEST(Lower, AClientsNameIsLearntForTheService) {
  const Expr client = check(FieldId::kFdCipName, Op::kEq, {"good.example"});
  for (const Expr& condition : {client, negated(client)}) {
    const Plan plan = refusing(all_of({event_is("accept"), condition}));
    EXPECT_EQ(plan.placements.at(0).enforcement, Enforcement::kObserve);
    EXPECT_THAT(plan.placements.at(0).hooks, ElementsAre(HookPoint::kAnswer));
    EXPECT_EQ(plan.observe.calls, bit_of(BAILIFF_CALL_ACCEPT));
    EXPECT_EQ(plan.answer.at(0).condition, client);
    EXPECT_FALSE(plan.answer.at(0).deny);
    EXPECT_TRUE(plan.acts_at(HookPoint::kQuery)) << "to know the question";
    EXPECT_THAT(plan.arrival, IsEmpty());
  }
}

TEST(Lower, ARuleOnNamesMayBeAboutContainersToo) {
  const Plan plan = refusing(
      any_of({all_of({event_is("connect"), named()}), event_is("container")}));
  EXPECT_THAT(plan.query, testing::SizeIs(1));
  EXPECT_THAT(plan.container_event, ElementsAre(0U));
  const Plan names = refusing(named());
  EXPECT_THAT(names.query, testing::SizeIs(1));
  EXPECT_THAT(names.container_event, IsEmpty());
}

TEST(Lower, OnlyNamesThatFulfilARuleByThemselvesAreDecidedAtTheQuery) {
  const Expr other = check(FieldId::kFdRipName, Op::kEq, {"evil.example"});
  const Plan either =
      refusing(all_of({event_is("connect"), any_of({named(), other})}));
  EXPECT_EQ(either.query.at(0).condition, any_of({named(), other}));
  for (const Expr& rest :
       {check(FieldId::kFdSport, Op::kEq, {std::int64_t{443}}), other}) {
    const Plan both = refusing(all_of({event_is("connect"), named(), rest}));
    EXPECT_THAT(both.query, IsEmpty());
    EXPECT_EQ(both.placements.at(0).enforcement, Enforcement::kKernel);
  }
}

TEST(Lower, JudgesPacketsOnlyToRefuseThem) {
  const Plan plan =
      lower(PolicyBuilder().rule(log4j()).policy({0}, Mode::kMonitor, true),
            complete());
  EXPECT_THAT(plan.packet, IsEmpty());
  EXPECT_FALSE(plan.send.at(0).deny);
}

TEST(Lower, RefusesMessagesWhereItRefusesConnections) {
  const Plan plan =
      refusing(all_of({event_is("connect"),
                       check(FieldId::kFdSport, Op::kEq, {std::int64_t{25}})}));
  EXPECT_TRUE(plan.send.at(0).deny);
}

TEST(Lower, RefusesMessagesThatFulfilTheRuleThemselves) {
  const Plan plan =
      refusing(all_of({check(FieldId::kEvtType, Op::kIn, {"sendto", "sendmsg"}),
                       check(FieldId::kEvtRawres, Op::kGe, {std::int64_t{0}}),
                       check(FieldId::kFdSport, Op::kEq, {std::int64_t{53}})}));
  EXPECT_THAT(plan.connect, IsEmpty());
  EXPECT_TRUE(plan.send.at(0).deny);
  EXPECT_THAT(plan.placements.at(0).hooks,
              ElementsAre(HookPoint::kSendmsg4, HookPoint::kSendmsg6,
                          HookPoint::kEgress, HookPoint::kFrame));
  EXPECT_THAT(plan.placements.at(0).reason,
              HasSubstr("decided before the message is sent"));
}

// A server's answers go to whoever asked, but not over raw sockets.
TEST(Lower, RefusesRawPacketsOfAnAllowList) {
  const Plan plan = refusing(all_of({event_is("connect"), negated(c2())}));
  EXPECT_TRUE(plan.send.at(0).deny);
  for (const auto* rules : {&plan.packet, &plan.frame}) {
    ASSERT_THAT(*rules, testing::SizeIs(1));
    EXPECT_TRUE(rules->at(0).raw);
    EXPECT_TRUE(rules->at(0).deny);
    EXPECT_EQ(rules->at(0).condition, negated(c2()));
  }
  EXPECT_THAT(plan.placements.at(0).reason, HasSubstr("could be answers"));
}

TEST(Lower, RefusesNoPacketsOfAProcess) {
  const Plan plan = refusing(all_of(
      {event_is("connect"), c2(), check(FieldId::kProcName, Op::kEq, {"nc"})}));
  EXPECT_TRUE(plan.send.at(0).deny);
  EXPECT_THAT(plan.packet, IsEmpty());
  EXPECT_THAT(plan.placements.at(0).reason,
              HasSubstr("a packet does not show 'proc.name'"));
}

TEST(Lower, RefusesPacketsOfAllSocketsOnlyWhereThePeerIsListed) {
  const Expr port = check(FieldId::kFdSport, Op::kEq, {std::int64_t{25}});
  EXPECT_TRUE(refusing(all_of({event_is("connect"), any_of({c2(), port})}))
                  .packet.at(0)
                  .raw);
  EXPECT_FALSE(
      refusing(all_of({event_is("connect"), c2(), port})).packet.at(0).raw);
}

TEST(Lower, TheStrongestOfSeveralPoliciesDenies) {
  const Plan plan = lower(PolicyBuilder()
                              .rule(log4j())
                              .policy({0}, Mode::kMonitor, true)
                              .policy({0}, Mode::kEnforce, true),
                          complete());
  EXPECT_TRUE(plan.connect.at(0).deny);
  EXPECT_THAT(plan.policies, ElementsAre(0, 1));
}

TEST(Lower, PutsOnlyTheKernelsPartIntoThePlan) {
  const Plan plan = lower(PolicyBuilder()
                              .rule(all_of({log4j(), directory()}))
                              .policy({0}, Mode::kEnforce, true),
                          complete());
  EXPECT_EQ(plan.connect.at(0).condition, c2());
  EXPECT_TRUE(plan.connect.at(0).candidate);
}

TEST(Lower, AScopeThatDoesNotHoldLeavesThePolicyOut) {
  const auto plan = [](const char* image, const Facts& facts) {
    return lower(
        PolicyBuilder().rule(log4j()).policy(
            {0}, Mode::kEnforce, true,
            check(FieldId::kContainerImageRepository, Op::kEndswith, {image})),
        facts);
  };
  EXPECT_THAT(plan("/cart", complete()).policies, ElementsAre(0));
  const Plan none = plan("/web", complete());
  EXPECT_THAT(none.policies, IsEmpty());
  EXPECT_THAT(none.connect, IsEmpty());
  EXPECT_THAT(none.placements, IsEmpty());
  // A container nothing is known of may be in scope.
  EXPECT_THAT(plan("/web", Facts()).policies, ElementsAre(0));
}

TEST(Lower, ObservesTheCallsItsRulesNeedAndNoOthers) {
  const Plan plan =
      lower(PolicyBuilder()
                .rule(log4j())
                .rule(event_is("mkdir"))
                .rule(all_of({event_is("execve"),
                              check(FieldId::kProcEnv, Op::kContains, {"X"})}))
                .rule(event_is("unlink"))
                .policy({0, 1, 2}, Mode::kEnforce, true),
            complete());
  EXPECT_THAT(plan.observe.rules, ElementsAre(1, 2));
  EXPECT_THAT(
      plan.observe.rule_calls,
      ElementsAre(bit_of(BAILIFF_CALL_MKDIR), bit_of(BAILIFF_CALL_EXECVE)));
  EXPECT_EQ(plan.observe.calls,
            bit_of(BAILIFF_CALL_MKDIR) | bit_of(BAILIFF_CALL_EXECVE));
  EXPECT_TRUE(plan.observe.environment);
  EXPECT_FALSE(plan.observe.directory);
}

TEST(Lower, TellsWhichRulesAContainersStartFulfils) {
  const Plan plan = lower(PolicyBuilder()
                              .rule(log4j())
                              .rule(event_is("container"))
                              .policy({0, 1}, Mode::kEnforce, true),
                          complete());
  EXPECT_THAT(plan.container_event, ElementsAre(1));
  EXPECT_EQ(plan.connect.size(), 1U);
  EXPECT_EQ(plan.placements.size(), 2U);
}

}  // namespace
}  // namespace bailiff
