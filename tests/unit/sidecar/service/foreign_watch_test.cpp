// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/foreign_watch.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "rules/emit/dns_name.h"
#include "tests/harness/expr.h"
#include "tests/unit/sidecar/service/fakes.h"

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::chrono::seconds kLong{60};
constexpr std::chrono::hours kNever{24};
constexpr std::uint64_t kCgroup = 4711;
constexpr const char* kListed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.80";

// A connection to anybody but a host of the name.
CompiledPolicy named_policy(const char* name) {
  CompiledPolicy policy;
  policy.rules.resize(1);
  policy.rules[0].name = "strangers";
  policy.rules[0].condition = test::all_of(
      {test::event_is("connect"),
       test::negated(test::check(FieldId::kFdSipName, Op::kEq, {name}))});
  policy.policies = {{.name = "all", .rules = {0}}};
  return policy;
}

// Rule 0: a connection to a listed peer.  Rule 1: a listed client.  Rule 2: a
// connection to any but one peer.
CompiledPolicy policy_of(std::vector<std::uint32_t> rules, bool block,
                         const char* listed = kListed) {
  CompiledPolicy policy;
  policy.rules.resize(3);
  policy.rules[0].name = "c2";
  policy.rules[0].condition = test::all_of(
      {test::event_is("connect"),
       test::check(FieldId::kFdSip, Op::kIn, {test::address(listed)})});
  policy.rules[1].name = "client";
  policy.rules[1].condition = test::all_of(
      {test::check(FieldId::kEvtType, Op::kIn, {"accept", "accept4"}),
       test::check(FieldId::kFdCip, Op::kIn, {test::address(listed)})});
  policy.rules[2].name = "others";
  policy.rules[2].condition =
      test::all_of({test::event_is("connect"),
                    test::negated(test::check(FieldId::kFdSip, Op::kIn,
                                              {test::address(kOther)}))});
  policy.policies = {{.name = "all", .rules = std::move(rules)}};
  policy.policies[0].block = block;
  return policy;
}

bailiff_foreign socket_of(std::uint64_t cookie, const char* remote) {
  bailiff_foreign socket{};
  socket.time_ns = monotonic_ns();
  socket.cgroup_id = kCgroup;
  socket.socket_cgroup = 1;
  socket.cookie = cookie;
  socket.tgid = static_cast<std::uint32_t>(::getpid());
  socket.tid = socket.tgid + 1;  // a thread of it
  socket.fd = static_cast<int>(cookie) + 100;
  socket.family = AF_INET;
  socket.type = SOCK_STREAM;
  socket.protocol = IPPROTO_TCP;
  socket.state = TCP_ESTABLISHED;
  socket.local_port = 40000;
  socket.remote_port = 1389;
  ::inet_pton(AF_INET, "203.0.113.10", socket.local_be);
  ::inet_pton(AF_INET, remote, socket.remote_be);
  std::strcpy(socket.comm, "java");
  return socket;
}

bailiff_foreign listener_of(std::uint64_t cookie, std::uint16_t port) {
  bailiff_foreign socket = socket_of(cookie, "0.0.0.0");
  socket.state = TCP_LISTEN;
  socket.local_port = port;
  socket.remote_port = 0;
  return socket;
}

bailiff_foreign used(bailiff_foreign socket, bailiff_foreign_use use) {
  socket.use = static_cast<std::uint16_t>(use);
  socket.fd = -1;
  socket.tid = socket.tgid;  // not the one that holds it
  return socket;
}

// Of UDP, without a peer.
bailiff_foreign datagrams_of(std::uint64_t cookie) {
  bailiff_foreign socket = socket_of(cookie, "0.0.0.0");
  socket.type = SOCK_DGRAM;
  socket.protocol = IPPROTO_UDP;
  socket.state = TCP_CLOSE;
  socket.remote_port = 0;
  return socket;
}

// What goes over it to somebody.
bailiff_foreign sent(std::uint64_t cookie, const char* remote) {
  bailiff_foreign socket = used(datagrams_of(cookie), BAILIFF_FOREIGN_SENDS_TO);
  ::inet_pton(AF_INET, remote, socket.remote_be);
  socket.remote_port = 1389;
  return socket;
}

class ForeignWatchTest : public testing::Test {
 protected:
  ~ForeignWatchTest() override {
    if (watch_) watch_->stop();
  }

  void run(const CompiledPolicy& policy) {
    containers_.add(container_of(policy));
  }
  ContainerPtr container_of(const CompiledPolicy& policy) {
    return make_container(record_, *Generation::make(policy, encode(policy)));
  }

  void start(std::chrono::milliseconds period = kNever) {
    auto watch = ForeignWatch::start(
        {.open = [this](ForeignSource::Use use)
             -> Result<std::unique_ptr<ForeignSource>> {
           if (!problem_.empty()) return Error{Code::kUnsupported, problem_};
           return std::unique_ptr<ForeignSource>(
               std::make_unique<FakeForeign>(kernel_, names_, std::move(use)));
         },
         .containers = containers_,
         .metrics = metrics_,
         .settings = [this] { return settings_; },
         .next_number = [] { return std::uint64_t{1}; },
         .answer =
             [this](Work work, const ContainerPtr&,
                    std::optional<ResponseRequest> request,
                    std::optional<Trigger>) {
               const std::lock_guard lock(mutex_);
               for (const Draft& draft : work.draft()) {
                 std::string line = draft.alert.rule;
                 if (line == "Left its cgroup") {
                   line += " " + draft.alert.outcome;
                 }
                 if (!draft.alert.policy.empty()) {
                   line += " " + draft.alert.verdict;
                   EXPECT_EQ(draft.alert.hook, "foreign");
                 }
                 told_.push_back(line);
               }
               if (request) responses_.push_back(request->response);
               changed_.notify_all();
             },
         .cut = cut_with_,
         .bring_back = [this](std::uint64_t cgroup_id, pid_t pid,
                              std::uint64_t) -> Result<BroughtBack> {
           EXPECT_EQ(cgroup_id, kCgroup);
           EXPECT_EQ(pid, ::getpid());
           const std::lock_guard lock(mutex_);
           ++returned_;
           return back_;
         },
         .period = period,
         .cut_wait = cut_wait_});
    ASSERT_TRUE(watch) << watch.error().message;
    watch_ = *std::move(watch);
  }

  // Has it look `times` times.
  void look(int times = 1) {
    for (int i = 0; i < times; ++i) {
      const int before = looks();
      watch_->look();
      while (looks() == before) std::this_thread::yield();
    }
    // What it found is told before it looks again.
    const int before = looks();
    watch_->look();
    while (looks() == before) std::this_thread::yield();
  }
  int looks() {
    const std::lock_guard lock(kernel_.mutex);
    return kernel_.looks;
  }
  // Waits until there are so many.
  std::vector<std::string> told(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, kLong, [&] { return told_.size() >= count; }));
    return told_;
  }
  std::vector<std::uint64_t> cut() {
    const std::lock_guard lock(mutex_);
    return cut_;
  }
  int returned() {
    const std::lock_guard lock(mutex_);
    return returned_;
  }
  bool datagrams() {
    const std::lock_guard lock(kernel_.mutex);
    return kernel_.datagrams;
  }

  const oci::ContainerRecord record_ = start_record("c1", kCgroup, "digest");
  FakeForeignState kernel_;
  FakeNames names_;
  Containers containers_;
  Metrics metrics_;
  std::shared_ptr<Settings> settings_ = std::make_shared<Settings>();
  std::string problem_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> told_;
  std::vector<Response> responses_;
  std::vector<std::uint64_t> cut_;
  int returned_ = 0;
  BroughtBack back_ = BroughtBack::kReturned;
  int failures_ = 0;
  std::function<Status(pid_t, int, std::uint64_t)> cut_with_ =
      [this](pid_t tid, int fd, std::uint64_t cookie) -> Status {
    EXPECT_EQ(tid, ::getpid() + 1);
    EXPECT_EQ(fd, static_cast<int>(cookie) + 100);
    const std::lock_guard lock(mutex_);
    cut_.push_back(cookie);
    changed_.notify_all();
    if (failures_ == 0) return Ok{};
    --failures_;
    return Error{Code::kIo, "injected"};
  };
  std::chrono::milliseconds cut_wait_ = kLong;
  std::unique_ptr<ForeignWatch> watch_;
};

TEST_F(ForeignWatchTest, TellsOfEachSocketOnce) {
  run(policy_of({0}, true));
  kernel_.hold({socket_of(1, kOther), socket_of(2, kOther)});
  start();
  look(3);
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "Foreign socket"));
  EXPECT_THAT(cut(), IsEmpty());
}

TEST_F(ForeignWatchTest, CutsWhoIsConnectedToAListedPeer) {
  CompiledPolicy policy = policy_of({0}, true);
  policy.policies[0].response = Response::kKill;
  run(policy);
  kernel_.hold({socket_of(1, kListed), socket_of(2, kOther)});
  start();
  look(2);
  EXPECT_THAT(told(3),
              ElementsAre("Foreign socket", "c2 denied", "Foreign socket"));
  EXPECT_THAT(cut(), ElementsAre(1));
  EXPECT_THAT(responses_, ElementsAre(Response::kKill));
}

TEST_F(ForeignWatchTest, WhatIsNotCutIsNotCalledDenied) {
  failures_ = 2;
  run(policy_of({0}, true));
  kernel_.hold({socket_of(1, kListed)});
  start();
  look(3);
  // It is tried until it is done, and that is told.
  EXPECT_THAT(told(3),
              ElementsAre("Foreign socket", "c2 observed", "c2 denied"));
  EXPECT_THAT(cut(), ElementsAre(1, 1, 1));
}

TEST_F(ForeignWatchTest, APolicyThatRefusesNothingCutsNothing) {
  run(policy_of({0}, false));
  kernel_.hold({socket_of(1, kListed)});
  start();
  look(2);
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 observed"));
  EXPECT_THAT(cut(), IsEmpty());
}

TEST_F(ForeignWatchTest, NothingOfAnExemptContainerIsCut) {
  settings_->exempt = {"id:c1"};
  run(policy_of({0}, true));
  kernel_.hold({socket_of(1, kListed)});
  start();
  look();
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 observed"));
  EXPECT_THAT(cut(), IsEmpty());
}

TEST_F(ForeignWatchTest, APeerHasTheNameTheContainerWasTold) {
  names_ = {{test::address(kOther), {emit::name_hash("good.example")[0]}}};
  run(named_policy("good.example"));
  kernel_.hold({socket_of(1, kOther), socket_of(2, kListed)});
  start();
  look();
  EXPECT_THAT(told(3), UnorderedElementsAre("Foreign socket", "Foreign socket",
                                            "strangers observed"));
}

TEST_F(ForeignWatchTest, AUseIsAnsweredAtOnce) {
  run(policy_of({0}, true));
  start();
  look();
  kernel_.hold({socket_of(1, kListed)});
  kernel_.use(used(socket_of(1, kListed), BAILIFF_FOREIGN_CONNECTS));
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
  EXPECT_THAT(cut(), ElementsAre(1));
}

TEST_F(ForeignWatchTest, WhatIsClosedBehindItsUseIsToldAndNotCut) {
  run(policy_of({0}, true));
  start();
  kernel_.use(used(socket_of(1, kListed), BAILIFF_FOREIGN_SENDS));
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 observed"));
  EXPECT_THAT(cut(), IsEmpty());
}

// By the programs for frames, which have told of it as denied.
TEST_F(ForeignWatchTest, WhatWasRefusedAlreadyIsCutAndNotToldTwice) {
  run(policy_of({0}, true));
  start();
  look();
  bailiff_foreign held = socket_of(1, kListed);
  held.refused = 1;
  kernel_.hold({held});
  // Before its first packet it was not refused yet.
  kernel_.use(used(socket_of(1, kListed), BAILIFF_FOREIGN_CONNECTS));
  look();
  EXPECT_THAT(told(1), ElementsAre("Foreign socket"));
  EXPECT_THAT(cut(), ElementsAre(1));
}

TEST_F(ForeignWatchTest, WhatWasRefusedAndIsClosedIsNotToldTwice) {
  run(policy_of({0}, true));
  start();
  bailiff_foreign spent = used(socket_of(1, kListed), BAILIFF_FOREIGN_SENDS);
  spent.refused = 1;
  kernel_.use(spent);
  look();
  EXPECT_THAT(told(1), ElementsAre("Foreign socket"));
}

TEST_F(ForeignWatchTest, WhatWasRefusedByOneRuleIsToldByTheOthers) {
  // Not by the one that allows some, which is not asked about frames of TCP.
  run(policy_of({0, 2}, true));
  bailiff_foreign held = socket_of(1, kListed);
  held.refused = 1;
  kernel_.hold({held});
  start();
  look();
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "others denied"));
  EXPECT_THAT(cut(), ElementsAre(1));
}

TEST_F(ForeignWatchTest, WhoADatagramGoesToIsSeenWhereOneMayBeSent) {
  run(policy_of({0}, true));
  start();
  kernel_.hold({socket_of(1, kOther)});
  look();
  EXPECT_FALSE(datagrams());
  kernel_.hold({datagrams_of(2)});
  look();
  EXPECT_TRUE(datagrams());
  // It may be in no table of descriptors, and used on.
  kernel_.hold({});
  look(3);
  EXPECT_TRUE(datagrams());
  containers_.stop(record_.id, ~std::uint64_t{0});
  watch_->look();
  while (datagrams()) std::this_thread::yield();
}

// Another may have seen them before.
TEST_F(ForeignWatchTest, DatagramsAreSeenUntilItHasLooked) {
  run(policy_of({0}, true));
  start();
  look();
  const std::lock_guard lock(kernel_.mutex);
  EXPECT_TRUE(kernel_.attended.front());
  EXPECT_FALSE(kernel_.attended.back());
}

TEST_F(ForeignWatchTest, CountsWhatWasLost) {
  kernel_.lost = 3;
  run(policy_of({0}, true));
  start();
  look(2);
  MetricsText text;
  metrics_.write(text, 0);
  EXPECT_THAT(
      std::move(text).text(),
      testing::HasSubstr("bailiff_events_lost_total{source=\"foreign\"} 3"));
}

TEST_F(ForeignWatchTest, IsCutOnceItHasSentToAListedAddress) {
  run(policy_of({0}, true));
  kernel_.hold({datagrams_of(1)});
  start();
  look();
  kernel_.use(sent(1, kOther));
  kernel_.use(sent(1, kListed));
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
  EXPECT_THAT(cut(), ElementsAre(1));
}

// A neighbour's address had to be asked for, or somebody else of the container
// was running.
TEST_F(ForeignWatchTest, IsCutWhoeverIsSaidToHaveSent) {
  run(policy_of({0}, true));
  kernel_.hold({datagrams_of(1)});
  start();
  look();
  bailiff_foreign by_another = sent(1, kListed);
  by_another.tgid = by_another.tid = 1;
  kernel_.use(by_another);
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
  EXPECT_THAT(cut(), ElementsAre(1));
}

TEST_F(ForeignWatchTest, WhereItSendsAgainAndAgainIsToldOnce) {
  run(policy_of({0}, false));
  kernel_.hold({datagrams_of(1)});
  start();
  for (int i = 0; i < 3; ++i) {
    kernel_.use(sent(1, kListed));
    kernel_.use(sent(1, kOther));
    look();
  }
  kernel_.use(sent(2, kListed));
  EXPECT_THAT(told(4), ElementsAre("Foreign socket", "c2 observed",
                                   "Foreign socket", "c2 observed"));
}

// Bound to a server's port.
bailiff_foreign of_server(bailiff_foreign socket) {
  socket.local_port = 53;
  return socket;
}

TEST_F(ForeignWatchTest, NoClientHasAServersSocketCutByAsking) {
  run(policy_of({0}, true));
  kernel_.hold({of_server(datagrams_of(1))});
  start();
  look();
  bailiff_foreign answer = of_server(sent(1, kListed));
  answer.remote_port = 40000;
  kernel_.use(answer);
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 observed"));
  EXPECT_THAT(cut(), IsEmpty());
}

TEST_F(ForeignWatchTest, AServersSocketIsCutForWhatItSendsToAServer) {
  run(policy_of({0}, true));
  kernel_.hold({of_server(datagrams_of(1))});
  start();
  look();
  kernel_.use(of_server(sent(1, kListed)));
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
  EXPECT_THAT(cut(), ElementsAre(1));
}

TEST_F(ForeignWatchTest, ADatagramThatWasNotAllowedIsNotToldTwice) {
  run(policy_of({2}, true));
  start();
  bailiff_foreign refused = sent(1, kListed);
  refused.refused = 1;
  kernel_.use(refused);
  look();
  EXPECT_THAT(told(1), ElementsAre("Foreign socket"));
}

// Its clients have the port that whoever is in between gave them.
TEST_F(ForeignWatchTest, ARuleOnAllButSomePeersCutsNoServersSocket) {
  run(policy_of({2}, true));
  kernel_.hold({of_server(datagrams_of(1))});
  start();
  look();
  kernel_.use(of_server(sent(1, kListed)));
  look();
  EXPECT_THAT(told(1), ElementsAre("Foreign socket"));
  EXPECT_THAT(cut(), IsEmpty());
}

TEST_F(ForeignWatchTest, EachConnectIsCutAndOneIsTold) {
  run(policy_of({0}, true));
  start();
  kernel_.hold({socket_of(1, kListed)});
  for (std::size_t times = 1; times <= 3; ++times) {
    kernel_.use(used(socket_of(1, kListed), BAILIFF_FOREIGN_CONNECTS));
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        changed_.wait_for(lock, kLong, [&] { return cut_.size() == times; }));
  }
  look();
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
}

TEST_F(ForeignWatchTest, OfAnInheritedListenerTheListenerIsTold) {
  run(policy_of({0, 1}, false));
  bailiff_foreign accepted = socket_of(2, kOther);
  accepted.local_port = 50000;
  bailiff_foreign listed = socket_of(3, kListed);
  listed.local_port = 50000;
  kernel_.hold({accepted, listed, listener_of(1, 50000)});
  start();
  look(2);
  std::vector<std::string> all = told(1);
  // Nobody is refused: what is not, the observer tells of as it is accepted.
  EXPECT_THAT(all, ElementsAre("Foreign socket"));
}

TEST_F(ForeignWatchTest, AClientThatIsRefusedIsCut) {
  run(policy_of({1}, true));
  bailiff_foreign listed = socket_of(2, kListed);
  listed.local_port = 50000;
  kernel_.hold({listener_of(1, 50000), listed});
  start();
  look(2);
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "client denied"));
  EXPECT_THAT(cut(), ElementsAre(2));
}

TEST_F(ForeignWatchTest, AListedPeerIsCutWhoeverBegan) {
  run(policy_of({0}, true));
  bailiff_foreign accepted = socket_of(1, kListed);
  accepted.local_port = 443;
  kernel_.hold({accepted});
  start();
  look();
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
}

// The container may connect to one peer, and anybody to the container.
TEST_F(ForeignWatchTest, ARuleOnAllButSomePeersCutsNoClient) {
  run(policy_of({2}, true));
  bailiff_foreign accepted = socket_of(1, kListed);
  accepted.local_port = 443;
  kernel_.hold({accepted, socket_of(2, kListed)});
  start();
  look();
  EXPECT_THAT(told(3),
              ElementsAre("Foreign socket", "Foreign socket", "others denied"));
  EXPECT_THAT(cut(), ElementsAre(2));
}

TEST_F(ForeignWatchTest, WhatIsConnectedIsJudgedByNewLists) {
  run(policy_of({0}, true, kOther));
  kernel_.hold({socket_of(1, kListed)});
  start();
  look();
  EXPECT_THAT(told(1), ElementsAre("Foreign socket"));
  containers_.update(container_of(policy_of({0}, true)));
  look();
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
}

TEST_F(ForeignWatchTest, AnotherPeerIsJudgedAnew) {
  run(policy_of({0}, true));
  kernel_.hold({socket_of(1, kOther)});
  start();
  look();
  kernel_.hold({socket_of(1, kListed)});
  look();
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
}

TEST_F(ForeignWatchTest, WaitsForTheRecordOfAContainer) {
  start(std::chrono::milliseconds(10));
  kernel_.use(used(socket_of(1, kListed), BAILIFF_FOREIGN_SENDS));
  run(policy_of({0}, true));
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 observed"));
}

TEST_F(ForeignWatchTest, OfAContainerNobodyKnowsIsToldAllTheSame) {
  start(std::chrono::milliseconds(10));
  kernel_.use(used(socket_of(1, kListed), BAILIFF_FOREIGN_SENDS));
  EXPECT_THAT(told(1), ElementsAre("Foreign socket"));
}

TEST_F(ForeignWatchTest, LooksByItself) {
  run(policy_of({0}, true));
  start(std::chrono::milliseconds(1));
  kernel_.hold({socket_of(1, kListed)});
  EXPECT_THAT(told(2), ElementsAre("Foreign socket", "c2 denied"));
}

// Whoever uses the socket may keep it for as long as it likes.
TEST_F(ForeignWatchTest, ACutThatWaitsHoldsNobodyUp) {
  run(policy_of({0}, true));
  const auto go_on = std::make_shared<std::latch>(1);
  cut_wait_ = std::chrono::milliseconds(1);
  cut_with_ = [go_on](pid_t, int, std::uint64_t) -> Status {
    go_on->wait();
    return Ok{};
  };
  kernel_.hold({socket_of(1, kListed), socket_of(2, kOther)});
  start();
  EXPECT_THAT(told(3),
              ElementsAre("Foreign socket", "c2 observed", "Foreign socket"));
  go_on->count_down();
}

TEST_F(ForeignWatchTest, CutsThatWaitAreAFewOfOneContainerAndOnceOfASocket) {
  constexpr std::uint64_t kMost = 8;
  run(policy_of({0}, true));
  const auto other = start_record("c2", kCgroup + 1, "digest");
  const CompiledPolicy policy = policy_of({0}, true);
  containers_.add(
      make_container(other, *Generation::make(policy, encode(policy))));
  // Of the cuts, which may outlive the test.
  struct Begun {
    std::mutex mutex;
    std::condition_variable changed;
    std::multiset<std::uint64_t> cookies;
    std::latch go_on{1};
  };
  const auto begun = std::make_shared<Begun>();
  cut_wait_ = std::chrono::milliseconds(1);
  cut_with_ = [begun](pid_t, int, std::uint64_t cookie) -> Status {
    {
      const std::lock_guard lock(begun->mutex);
      begun->cookies.insert(cookie);
      begun->changed.notify_all();
    }
    begun->go_on.wait();
    return Ok{};
  };
  std::vector<bailiff_foreign> held;
  for (std::uint64_t cookie = 1; cookie <= kMost + 1; ++cookie) {
    held.push_back(socket_of(cookie, kListed));
  }
  held.push_back(socket_of(100, kListed));
  held.back().cgroup_id = other.cgroup_id;
  kernel_.hold(held);
  start();
  look(3);
  std::unique_lock lock(begun->mutex);
  EXPECT_TRUE(begun->changed.wait_for(
      lock, kLong, [&] { return begun->cookies.size() >= kMost + 1; }));
  EXPECT_THAT(begun->cookies, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 100));
  begun->go_on.count_down();
}

TEST_F(ForeignWatchTest, SaysWhyItDoesNotLook) {
  problem_ = "no BTF";
  start();
  EXPECT_EQ(watch_->problem(), "no BTF");
}

bailiff_foreign left(std::uint64_t cgroup = 1) {
  bailiff_foreign left{};
  left.time_ns = monotonic_ns();
  left.cgroup_id = kCgroup;
  left.socket_cgroup = cgroup;
  left.tgid = static_cast<std::uint32_t>(::getpid());
  left.fd = -1;
  left.use = BAILIFF_FOREIGN_LEFT;
  return left;
}

TEST_F(ForeignWatchTest, WhoLeftIsReturnedEachTimeAndToldOnce) {
  run(policy_of({0}, true));
  start();
  for (int i = 0; i < 3; ++i) kernel_.use(left());
  kernel_.use(left(2));
  EXPECT_THAT(told(2), ElementsAre("Left its cgroup returned",
                                   "Left its cgroup returned"));
  EXPECT_EQ(returned(), 4);
}

TEST_F(ForeignWatchTest, WhoLeftIsToldAnewWithAnotherOutcome) {
  run(policy_of({0}, true));
  start();
  kernel_.use(left());
  EXPECT_THAT(told(1), ElementsAre("Left its cgroup returned"));
  {
    const std::lock_guard lock(mutex_);
    back_ = BroughtBack::kKilled;
  }
  kernel_.use(left());
  EXPECT_THAT(told(2), ElementsAre("Left its cgroup returned",
                                   "Left its cgroup killed"));
}

TEST_F(ForeignWatchTest, WhoLeavesForManyPlacesIsNotToldWithoutEnd) {
  run(policy_of({0}, true));
  start();
  for (std::uint64_t where = 1; where <= 100; ++where) {
    kernel_.use(left(where));
  }
  // The last of them for all others.
  EXPECT_EQ(told(17).size(), 17U);
  for (const BroughtBack outcome :
       {BroughtBack::kEnded, BroughtBack::kReturned, BroughtBack::kEnded,
        BroughtBack::kReturned}) {
    look();
    {
      const std::lock_guard lock(mutex_);
      back_ = outcome;
    }
    kernel_.use(left());
  }
  look();
  EXPECT_EQ(returned(), 104);
  EXPECT_EQ(told(18).size(), 18U);
}

TEST_F(ForeignWatchTest, WhereNothingIsRefusedWhoLeftIsOnlyTold) {
  run(policy_of({0}, false));
  start();
  kernel_.use(left());
  EXPECT_THAT(told(1), ElementsAre("Left its cgroup none"));
  EXPECT_EQ(returned(), 0);
}

}  // namespace
}  // namespace bailiff::sidecar
