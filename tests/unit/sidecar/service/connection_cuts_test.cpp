// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/connection_cuts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/expr.h"
#include "tests/unit/sidecar/service/fakes.h"

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;

constexpr std::chrono::seconds kLong{60};
constexpr std::uint64_t kCgroup = 4711;
constexpr std::uint64_t kNeighbour = 4712;
constexpr std::uint16_t kPort = 1389;
constexpr const char* kListed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.80";

// Rule 0: who connects to the listed peer.
CompiledPolicy policy_of(bool block, const std::string& listed = kListed) {
  CompiledPolicy policy;
  policy.rules.resize(1);
  policy.rules[0].name = "c2";
  policy.rules[0].condition = test::all_of(
      {test::event_is("connect"),
       test::check(FieldId::kFdSip, Op::kIn, {test::address(listed)})});
  policy.policies = {{.name = "all", .rules = {0}}};
  policy.policies[0].block = block;
  return policy;
}

ConnectEvent refusal(const std::string& peer) {
  ConnectEvent event;
  event.judged_at = JudgedAt::kEgress;
  event.cgroup_id = kCgroup;
  event.address = *parse_address(peer);
  event.port = kPort;
  event.l4proto = IPPROTO_TCP;
  event.denied = true;
  return event;
}

class ConnectionCutsTest : public testing::Test {
 protected:
  ContainerPtr run(const CompiledPolicy& policy,
                   std::uint64_t cgroup = kCgroup) {
    const ContainerPtr container =
        make_container(start_record("c" + std::to_string(cgroup), cgroup, "d"),
                       *Generation::make(policy, encode(policy)));
    containers_.add(container);
    return container;
  }
  void start(std::chrono::milliseconds wait = kLong) {
    cuts_ = std::make_unique<ConnectionCuts>(ConnectionCuts::Parts{
        .containers = containers_,
        .settings = [this] { return settings_; },
        .calls = {
            .names_of = [](std::uint64_t, const IpAddress&)
                -> Result<std::vector<std::uint64_t>> {
              return std::vector<std::uint64_t>();
            },
            .cut =
                [state = state_](const std::vector<hook::ContainerSockets>& of,
                                 const hook::Refused& refused) {
                  {
                    std::unique_lock lock(state->mutex);
                    state->begun = true;
                    for (const auto& each : of) ++state->looks[each.cgroup_id];
                    state->changed.notify_all();
                    state->changed.wait(lock, [&] { return !state->held; });
                  }
                  hook::CutConnections cut =
                      state->connections.cut(of, refused);
                  const std::lock_guard lock(state->mutex);
                  state->changed.notify_all();
                  return cut;
                }},
        .wait = wait,
        .retry = std::chrono::milliseconds(1)});
  }
  // What is told of it, once it is.
  std::uint32_t told(const ConnectionCutPtr& cut) {
    bool is_told = false;
    cut->then([&] {
      const std::lock_guard lock(state_->mutex);
      is_told = true;
      state_->changed.notify_all();
    });
    std::unique_lock lock(state_->mutex);
    EXPECT_TRUE(state_->changed.wait_for(lock, kLong, [&] { return is_told; }));
    return cut->count();
  }
  void wait_for_looks(int looks) {
    std::unique_lock lock(state_->mutex);
    EXPECT_TRUE(state_->changed.wait_for(
        lock, kLong, [&] { return state_->connections.looks() >= looks; }));
  }
  void hold(bool held) {
    const std::lock_guard lock(state_->mutex);
    state_->held = held;
    state_->changed.notify_all();
  }

  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool held = false;  // whoever cuts waits for a socket
    bool begun = false;
    std::map<std::uint64_t, int> looks;  // begun, by cgroup
    FakeConnections connections;
  };
  // Shared with cuts that outlive the test.
  std::shared_ptr<State> state_ = std::make_shared<State>();
  FakeConnections& connections_ = state_->connections;
  Containers containers_;
  std::shared_ptr<Settings> settings_ = std::make_shared<Settings>();
  std::unique_ptr<ConnectionCuts> cuts_;
};

// A server's answers are not what the rule is about.
TEST_F(ConnectionCutsTest, LeavesWhatTheOwnPortExcepts) {
  CompiledPolicy policy = policy_of(true);
  policy.rules[0].condition = test::all_of(
      {policy.rules[0].condition,
       test::negated(test::check(FieldId::kFdPort, Op::kIn,
                                 {std::int64_t{8080}, std::int64_t{53}}))});
  const ContainerPtr container = run(policy);
  connections_.add(kCgroup, kListed, kPort, 8080);
  connections_.add(kCgroup, kListed, kPort, 8081);
  start();
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 1U);
  EXPECT_THAT(connections_.open(), ElementsAre(kListed));
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
}

// To be connected to there is not to connect from there.
TEST_F(ConnectionCutsTest, CutsNothingForTheOwnPortAlone) {
  CompiledPolicy policy = policy_of(true);
  auto& operands = std::get<And>(policy.rules[0].condition.node).operands;
  operands.back() =
      test::any_of({operands.back(), test::check(FieldId::kFdLport, Op::kEq,
                                                 {std::int64_t{8080}})});
  const ContainerPtr container = run(policy);
  connections_.add(kCgroup, kOther, kPort, 8080);
  connections_.add(kCgroup, kListed, kPort, 8080);
  start();
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 1U);
  EXPECT_THAT(connections_.open(), ElementsAre(kOther));
}

TEST_F(ConnectionCutsTest, CutsWhatARefusedPacketIsOf) {
  const ContainerPtr container = run(policy_of(true));
  connections_.add(kCgroup, kListed, kPort);
  connections_.add(kCgroup, kOther, kPort);
  connections_.add(kNeighbour, kListed, kPort);
  start();
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 1U);
  EXPECT_THAT(connections_.open(), ElementsAre(kOther, kListed));
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
}

// By the IPv4 host behind it.
TEST_F(ConnectionCutsTest, KnowsAPeerByEachOfItsAddresses) {
  const ContainerPtr container = run(policy_of(true));
  connections_.add(kCgroup, "64:ff9b::203.0.113.66", kPort);
  connections_.add(kCgroup, kListed, kPort);
  start();
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 2U);
}

// The reset that it sends is refused and told of later.
TEST_F(ConnectionCutsTest, TellsOfWhatWasCutWhenListsChanged) {
  const ContainerPtr container = run(policy_of(true));
  const ContainerPtr neighbour = run(policy_of(true, kOther), kNeighbour);
  connections_.add(kCgroup, kListed, kPort);
  connections_.add(kNeighbour, kListed, kPort);
  start();
  cuts_->look();
  wait_for_looks(2);
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 1U);
  EXPECT_THAT(connections_.open(), ElementsAre(kListed));
}

TEST_F(ConnectionCutsTest, LeavesWhatNoPolicyRefuses) {
  const ContainerPtr container = run(policy_of(false));
  connections_.add(kCgroup, kListed, kPort);
  start();
  cuts_->look();
  cuts_->look(container);
  EXPECT_EQ(cuts_->look(container, refusal(kListed)), nullptr);
  cuts_->stop();
  EXPECT_EQ(connections_.looks(), 0);
}

TEST_F(ConnectionCutsTest, LeavesWhoIsExempt) {
  const ContainerPtr container = run(policy_of(true));
  settings_->exempt = {"id:c4711"};
  connections_.add(kCgroup, kListed, kPort);
  start();
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
  EXPECT_THAT(connections_.open(), ElementsAre(kListed));
}

// The record waited while nobody read it.
TEST_F(ConnectionCutsTest, JudgesByTheRulesOfNow) {
  const ContainerPtr before = run(policy_of(true));
  const CompiledPolicy now = policy_of(true, kOther);
  containers_.update(
      make_container(before->record, *Generation::make(now, encode(now))));
  connections_.add(kCgroup, kListed, kPort);
  start();
  EXPECT_EQ(told(cuts_->look(before, refusal(kListed))), 0U);
  EXPECT_THAT(connections_.open(), ElementsAre(kListed));
}

TEST_F(ConnectionCutsTest, NobodyWaitsForAContainerThatHoldsItsSocket) {
  const ContainerPtr container = run(policy_of(true));
  const ContainerPtr neighbour = run(policy_of(true), kNeighbour);
  connections_.add(kCgroup, kListed, kPort);
  hold(true);
  start(std::chrono::milliseconds(1));
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
  EXPECT_EQ(told(cuts_->look(neighbour, refusal(kListed))), 0U);
  // It is cut all the same, as soon as it can be.
  hold(false);
  wait_for_looks(1);
  cuts_->stop();
}

// Of so many connections that a look at them always does: not without end.
TEST_F(ConnectionCutsTest, ALookThatTakesLongIsNotRepeated) {
  const ContainerPtr container = run(policy_of(true));
  const ContainerPtr neighbour = run(policy_of(true), kNeighbour);
  hold(true);
  start(std::chrono::milliseconds(0));
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
  hold(false);
  wait_for_looks(1);
  // Meanwhile it would be repeated.
  for (int looks = 2; looks <= 500; ++looks) {
    cuts_->look(neighbour);
    wait_for_looks(looks);
  }
  const std::lock_guard lock(state_->mutex);
  EXPECT_EQ(state_->looks[kCgroup], 1);
}

// What is under way may be by the list of before.
TEST_F(ConnectionCutsTest, WhatIsAskedMeanwhileIsLookedAtBehindIt) {
  const ContainerPtr container = run(policy_of(true));
  hold(true);
  start(std::chrono::milliseconds(0));
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
  hold(false);
  wait_for_looks(2);
}

TEST_F(ConnectionCutsTest, WhatCannotBeCutIsToldAsRefused) {
  const ContainerPtr container = run(policy_of(true));
  connections_.add(kCgroup, kListed, kPort);
  connections_.fail(Error{Code::kUnsupported, "injected"});
  start();
  EXPECT_EQ(told(cuts_->look(container, refusal(kListed))), 0U);
  EXPECT_THAT(connections_.open(), ElementsAre(kListed));
}

TEST_F(ConnectionCutsTest, WhatWaitsIsToldWhenItEnds) {
  const ContainerPtr container = run(policy_of(true));
  start();
  std::vector<ConnectionCutPtr> cuts;
  for (int i = 0; i < 8; ++i) {
    cuts.push_back(cuts_->look(container, refusal(kListed)));
  }
  cuts_->stop();
  for (const ConnectionCutPtr& each : cuts) EXPECT_EQ(told(each), 0U);
  EXPECT_EQ(cuts_->look(container, refusal(kListed)), nullptr);
}

}  // namespace
}  // namespace bailiff::sidecar
