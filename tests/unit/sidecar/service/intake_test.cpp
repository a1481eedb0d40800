// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rules/emit/dns_name.h"
#include "tests/harness/expr.h"
#include "tests/harness/fake_store.h"
#include "tests/harness/no_managers.h"
#include "tests/harness/observed_records.h"
#include "tests/unit/sidecar/service/fakes.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::chrono::seconds kLong{60};
constexpr std::uint64_t kCgroup = 4711;
constexpr const char* kId = "0123456789abcdef";

Expr is(FieldId field, Value value) {
  Check check;
  check.field = field;
  check.op = Op::kEq;
  check.values = {std::move(value)};
  return Expr{check};
}

Rule rule_of(const std::string& name, Expr condition,
             const std::string& output) {
  Rule rule;
  rule.name = name;
  rule.source = "syscall";
  rule.priority = Priority::kWarning;
  rule.condition = std::move(condition);
  rule.output = output;
  return rule;
}

// Rule 0: a connect the kernel decides.  Rule 1: one only the sidecar can.
// Rule 2: the start of a container.  Rule 3: a system call that is observed.
CompiledPolicy policy_of(Response response) {
  CompiledPolicy policy;
  policy.rules = {
      rule_of("c2", is(FieldId::kEvtType, std::string("connect")),
              "%proc.name to %fd.sip in %container.name (%evt.args)"),
      rule_of("parent", is(FieldId::kProcExe, std::string("/no/such/exe")),
              "%proc.pname"),
      rule_of("started", is(FieldId::kEvtType, std::string("container")),
              "%proc.cmdline"),
      rule_of("folder", is(FieldId::kEvtType, std::string("mkdir")),
              "%evt.arg.path by %proc.cmdline of %proc.pname"),
  };
  Policy block;
  block.name = "block";
  block.rules = {0, 1, 3};
  block.block = true;
  block.response = response;
  Policy watch;
  watch.name = "watch";
  watch.rules = {0, 2};
  policy.policies = {block, watch};
  return policy;
}

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    scratch_.make_folder("containers");
    scratch_.make_folder("spool");
    scratch_.make_folder("state");
    evidence_ = *EvidenceFolder::open(scratch_.path() + "/state", {});
    captures_ = *Captures::start(
        {.run_dir = scratch_.path(),
         .node = "node-1",
         .open_cgroup = [](const oci::ContainerRecord&) -> Result<Cgroup> {
           return Error{Code::kNotFound, "there is no cgroup"};
         }},
        *evidence_);
    generations_ = *Generations::open(scratch_.path() + "/state");
    recorder_ = *Recorder::start(store_, metrics_,
                                 [](const std::vector<std::string>&) {});
    JournalContent content;
    auto journal = Journal::open(scratch_.path() + "/responses", content);
    engine_ =
        *ResponseEngine::start({.responder = responder_,
                                .isolator = isolator_,
                                .managers = managers_,
                                .journal = *std::move(journal),
                                .tell = [](const Effect&) { return true; },
                                .log = [](const std::string&) {}},
                               content);
  }
  ~IntakeTest() override {
    if (intake_) intake_->stop();
    captures_->stop(steady_clock::now() + kLong);
    recorder_.reset();
  }

  GenerationPtr publish(Response response) {
    return *generations_->publish(policy_of(response));
  }
  void start() {
    Result<std::unique_ptr<Intake>> started =
        Intake::start({.run_dir = scratch_.path(),
                       .kernel = kernel_,
                       .kernel_mutex = kernel_mutex_,
                       .generations = *generations_,
                       .containers = containers_,
                       .engine = *engine_,
                       .captures = *captures_,
                       .flight = flight_,
                       .recorder = *recorder_,
                       .metrics = metrics_,
                       .settings = [this] { return settings_; },
                       .outdated = [] {},
                       .cut = cut_,
                       .untold_after = untold_after_});
    ASSERT_TRUE(started) << started.error().message;
    intake_ = *std::move(started);
  }
  void read_on(const GenerationPtr& current);
  void spool(const oci::ContainerRecord& record, const std::string& sequence) {
    scratch_.write("spool/" + sequence + "-" + record.id + ".json",
                   oci::to_json(record));
  }
  // Waits until `count` alerts are stored and nothing is on its way.
  std::vector<std::string> alerts(std::size_t count) {
    const auto deadline = steady_clock::now() + kLong;
    while (store_.newest() < static_cast<std::int64_t>(count) &&
           steady_clock::now() < deadline) {
      store_.wait_for_newer(store_.newest(), 1000);
    }
    EXPECT_TRUE(recorder_->drain(deadline));
    std::vector<std::string> json;
    const Result<std::vector<StoredAlert>> alerts = store_.query({});
    for (const StoredAlert& alert : *alerts) {
      json.push_back(alert.json);
    }
    return json;
  }
  std::string metrics() const {
    MetricsText text;
    metrics_.write(text, 0);
    return std::move(text).text();
  }

  Scratch scratch_;
  FakeStore store_;
  Metrics metrics_;
  FakeKernelState kernel_state_;
  FakeKernelSide kernel_{kernel_state_};
  std::mutex kernel_mutex_;
  FakeResponderState responder_state_;
  FakeResponder responder_{responder_state_};
  class NoIsolator final : public Isolator {
    Status isolate(const oci::ContainerRecord& /*record*/) override {
      return Error{Code::kUnsupported, "no network"};
    }
    Status release(const oci::ContainerRecord& /*record*/) override {
      return Ok{};
    }
  };
  NoIsolator isolator_;
  NoManagers managers_;
  std::unique_ptr<ResponseEngine> engine_;
  FlightRecorder flight_;
  std::unique_ptr<EvidenceFolder> evidence_;
  std::unique_ptr<Captures> captures_;
  Containers containers_;
  std::shared_ptr<Settings> settings_ = std::make_shared<Settings>();
  std::unique_ptr<Generations> generations_;
  std::function<ConnectionCutPtr(const ContainerPtr&, const ConnectEvent&)>
      cut_ = [](const ContainerPtr&, const ConnectEvent&) { return nullptr; };
  std::chrono::milliseconds untold_after_ = kLong;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Recorder> recorder_;
};

TEST_F(IntakeTest, AnswersAnEventForEachPolicyAndKillsOnce) {
  const GenerationPtr current = publish(Response::kKill);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  const bailiff_connect_event event =
      connect_of(kCgroup, current->policy_id(), 0);
  kernel_state_.ring.write(event);
  kernel_state_.ring.write(event);
  const std::vector<std::string> json = alerts(4);
  ASSERT_EQ(json.size(), 4U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"policy\":\"block\""),
                             HasSubstr("\"outcome\":\"killed\""),
                             HasSubstr("\"verdict\":\"denied\""),
                             HasSubstr("\"enforcement\":\"kernel\""),
                             HasSubstr("java to 203.0.113.66 in shop "
                                       "(res=0 addr=203.0.113.66:1389)")));
  EXPECT_THAT(json[1], AllOf(HasSubstr("\"policy\":\"watch\""),
                             HasSubstr("\"outcome\":\"none\"")));
  EXPECT_THAT(responder_state_.killed, ElementsAre(kId));
}

// The capture of a container that has no cgroup has little, and is one.
TEST_F(IntakeTest, CapturesBeforeItKillsAndTellsWhere) {
  CompiledPolicy policy = policy_of(Response::kKill);
  policy.policies[0].capture = true;
  const GenerationPtr current = *generations_->publish(policy);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  kernel_state_.ring.write(connect_of(kCgroup, current->policy_id(), 0));
  const std::vector<std::string> json = alerts(2);
  ASSERT_EQ(json.size(), 2U);
  EXPECT_THAT(responder_state_.killed, ElementsAre(kId));
  captures_->stop(steady_clock::now() + kLong);
  const Result<std::vector<std::string>> kept = evidence_->summaries();
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1U);
  const std::string id =
      kept->front().substr(kept->front().find("\"id\":") + 6, 24);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"outcome\":\"killed\""),
                             HasSubstr("\"evidence\":\"" + id)));
  EXPECT_THAT(json[1], HasSubstr("\"evidence\":\"" + id));
  EXPECT_THAT(kept->front(), AllOf(HasSubstr("\"policies\":[\"block\"]"),
                                   HasSubstr("\"rules\":[\"c2\"]"),
                                   HasSubstr("there is no cgroup")));
}

// The rule is about connections, and a datagram is as good as one.
TEST_F(IntakeTest, TellsOfADatagramAsWhatFulfilsTheRule) {
  const GenerationPtr current = publish(Response::kNone);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  bailiff_connect_event event = connect_of(kCgroup, current->policy_id(), 0);
  event.hook = BAILIFF_HOOK_SENDMSG;
  kernel_state_.ring.write(event);
  for (const std::string& json : alerts(2)) {
    EXPECT_THAT(json, HasSubstr(R"("hook":"sendmsg")"));
    EXPECT_THAT(json, HasSubstr("res=0 addr=203.0.113.66:1389"));
  }
}

TEST_F(IntakeTest, WhatIsToldOfARefusedPacketWaitsForTheCut) {
  const auto cut = std::make_shared<ConnectionCut>();
  cut_ = [cut](const ContainerPtr& container, const ConnectEvent& refused) {
    EXPECT_EQ(container->record.id, kId);
    EXPECT_EQ(to_string(refused.address), "203.0.113.66");
    EXPECT_EQ(refused.port, 1389);
    return cut;
  };
  const GenerationPtr current = publish(Response::kKill);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  bailiff_connect_event event = connect_of(kCgroup, current->policy_id(), 0);
  event.header.tgid = 0;
  event.hook = BAILIFF_HOOK_EGRESS;
  kernel_state_.ring.write(event);
  // What no packet is told of waits for nobody, and neither does a response.
  kernel_state_.ring.write(connect_of(kCgroup, current->policy_id(), 0));
  EXPECT_THAT(alerts(2), Each(AllOf(HasSubstr("\"hook\":\"connect\""),
                                    HasSubstr("\"connections_cut\":0"))));
  {
    const std::lock_guard lock(responder_state_.mutex);
    EXPECT_THAT(responder_state_.killed, Not(IsEmpty()));
  }
  cut->finish(3);
  const std::vector<std::string> all = alerts(4);
  EXPECT_EQ(std::count_if(all.begin(), all.end(),
                          [](const std::string& json) {
                            return json.find("\"connections_cut\":3") !=
                                       std::string::npos &&
                                   json.find("\"hook\":\"egress\"") !=
                                       std::string::npos;
                          }),
            2);
}

TEST_F(IntakeTest, TellsOfWhatHappenedWhileNobodyWatched) {
  const GenerationPtr current = publish(Response::kKill);
  oci::ContainerRecord record =
      start_record(kId, kCgroup, current->digest().hex());
  spool(record, "00000000000000000001");
  record.event = "stop";
  record.time_ns += 1;
  spool(record, "00000000000000000002");
  kernel_state_.ring.write(connect_of(kCgroup, current->policy_id(), 0));
  start();
  const std::vector<std::string> json = alerts(3);
  ASSERT_EQ(json.size(), 3U);
  EXPECT_THAT(json[0],
              AllOf(HasSubstr("\"rule\":\"started\""), HasSubstr("serve -v"),
                    HasSubstr("\"verdict\":\"observed\"")));
  EXPECT_THAT(json[1], HasSubstr(kId));
  EXPECT_TRUE(containers_.by_cgroup(kCgroup)->gone);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path() + "/spool"));
}

TEST_F(IntakeTest, TellsOfAContainerThatStartsNow) {
  const GenerationPtr current = publish(Response::kNone);
  start();
  spool(start_record(kId, kCgroup, current->digest().hex()),
        "00000000000000000001");
  EXPECT_THAT(alerts(1), ElementsAre(HasSubstr("\"rule\":\"started\"")));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path() + "/spool"));
  EXPECT_FALSE(containers_.by_cgroup(kCgroup)->gone);
}

TEST_F(IntakeTest, TellsOfAContainerThatRunsUnprotected) {
  settings_->sinks = {{.name = "soc", .least = Priority::kDebug}};
  const GenerationPtr current = publish(Response::kNone);
  start();
  oci::ContainerRecord record = start_record(kId, 0, "");
  record.cgroup_path = "";
  record.degraded = "there is no compiled policy";
  spool(record, "00000000000000000001");
  // With a policy, what its rules say of the start is told as well.
  oci::ContainerRecord other =
      start_record("other", kCgroup, current->digest().hex());
  other.degraded = "no bpffs";
  spool(other, "00000000000000000002");
  const std::vector<std::string> json = alerts(3);
  ASSERT_EQ(json.size(), 3U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"rule\":\"Unprotected container\""),
                             HasSubstr("there is no compiled policy"),
                             HasSubstr("\"outcome\":\"none\"")));
  EXPECT_THAT(json[1], AllOf(HasSubstr("\"rule\":\"Unprotected container\""),
                             HasSubstr("no bpffs")));
  EXPECT_THAT(json[2], HasSubstr("\"rule\":\"started\""));
  const Result<std::vector<DeliveryState>> sent = store_.deliveries(false, 10);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->size(), 3U);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path() + "/spool"));
}

TEST_F(IntakeTest, JudgesWhatTheObserverTellsAndKills) {
  const GenerationPtr current = publish(Response::kKill);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  const auto told = [&](auto record) {
    record.common_part().header.cgroup_id = kCgroup;
    record.common_part().header.policy_id = current->policy_id();
    kernel_state_.observer.write(record.build());
  };
  told(test::exec_record(4'100'001, {"/bin/installer", "-q"})
           .ancestors({{4'100'000, "httpd"}}));
  auto made = test::call_record(4'100'001, BAILIFF_CALL_MKDIR);
  made.common_part().process.ppid = 4'100'000;
  made.comm("installer").part(BAILIFF_PART_PATH, "/srv/x");
  told(made);
  const std::vector<std::string> json = alerts(1);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("/srv/x by installer -q of httpd"),
                             HasSubstr("\"enforcement\":\"observe\""),
                             HasSubstr("\"verdict\":\"observed\""),
                             HasSubstr("\"outcome\":\"killed\"")));
  EXPECT_THAT(responder_state_.killed, ElementsAre(kId));
}

TEST_F(IntakeTest, KnowsTheNamesThatTheContainerWasToldForAClient) {
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.rules = {
      rule_of("strangers",
              test::all_of({test::event_is("accept"),
                            test::negated(is(FieldId::kFdCipName,
                                             std::string("good.example")))}),
              "%fd.cip and %fd.cip.name")};
  policy.policies.resize(1);
  policy.policies[0].rules = {0};
  const GenerationPtr current = *generations_->publish(policy);
  kernel_state_.names = {
      {test::address("203.0.113.80"), {emit::name_hash("good.example")[0]}}};
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  const auto accepted = [&](std::uint8_t last) {
    auto record = test::call_record(4'100'001, BAILIFF_CALL_ACCEPT);
    bailiff_descriptor& taken = record.fixed().descriptor;
    taken.number = 4;
    taken.mode = S_IFSOCK;
    taken.family = AF_INET;
    taken.type = SOCK_STREAM;
    taken.protocol = IPPROTO_TCP;
    const std::uint8_t client[4] = {203, 0, 113, last};
    ::memcpy(taken.remote_be, client, sizeof client);
    ::memcpy(taken.local_be, client, sizeof client);
    record.common_part().header.cgroup_id = kCgroup;
    record.common_part().header.policy_id = current->policy_id();
    kernel_state_.observer.write(record.build());
  };
  accepted(80);
  accepted(81);
  EXPECT_THAT(alerts(1), ElementsAre(HasSubstr("203.0.113.81 and <NA>")));
}

// Both were told of before either was read.
TEST_F(IntakeTest, KnowsWhatAProcessRanThatHasEndedByNow) {
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.rules[0].output = "%proc.cmdline (%proc.exepath) of %proc.pname";
  const GenerationPtr current = *generations_->publish(policy);
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  auto ran = test::exec_record(4'100'001, {"/bin/nc", "-w", "7"})
                 .ancestors({{4'100'000, "httpd"}});
  ran.common_part().header.cgroup_id = kCgroup;
  ran.common_part().header.policy_id = current->policy_id();
  ran.common_part().process.start_ns = 1;
  kernel_state_.observer.write(ran.build());
  bailiff_connect_event event = connect_of(kCgroup, current->policy_id(), 0);
  event.header.tgid = 4'100'001;
  kernel_state_.ring.write(event);
  start();
  const std::vector<std::string> json = alerts(2);
  ASSERT_EQ(json.size(), 2U);
  EXPECT_THAT(json[0], HasSubstr(" -w 7 ("));
  EXPECT_THAT(json[0], HasSubstr(") of httpd"));
}

TEST_F(IntakeTest, LostRecordsAreAnAlertAndCounted) {
  const GenerationPtr current = publish(Response::kNone);
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  kernel_state_.losses = {{.cgroup_id = kCgroup, .count = 12}};
  start();
  const std::vector<std::string> json = alerts(1);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"rule\":\"Lost events\""),
                             HasSubstr("\"bailiff.lost\":12"), HasSubstr(kId)));
  EXPECT_THAT(metrics(), HasSubstr("{source=\"observer\"} 12\n"));
}

// A record that finds the service reading, of which nothing follows.
void IntakeTest::read_on(const GenerationPtr& current) {
  auto record = test::exec_record(4'100'001, {"/bin/true"});
  record.common_part().header.cgroup_id = kCgroup;
  record.common_part().header.policy_id = current->policy_id();
  kernel_state_.observer.write(record.build());
}

TEST_F(IntakeTest, APolicyMaySayWhatFollowsFromLosses) {
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.policies[1].on_loss = Response::kKill;
  const GenerationPtr current = *generations_->publish(policy);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  kernel_state_.losses = {{.cgroup_id = kCgroup, .count = 12}};
  read_on(current);
  const std::vector<std::string> json = alerts(1);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"rule\":\"Lost events\""),
                             HasSubstr("\"policy\":\"watch\""),
                             HasSubstr("\"response\":\"kill\""),
                             HasSubstr("\"outcome\":\"killed\""),
                             HasSubstr("\"bailiff.lost_cause\":\"itself\"")));
  EXPECT_THAT(responder_state_.killed, ElementsAre(kId));
}

TEST_F(IntakeTest, NobodyAnswersForWhatWasLostWhileNobodyRead) {
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.policies[1].on_loss = Response::kKill;
  const GenerationPtr current = *generations_->publish(policy);
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  kernel_state_.losses = {{.cgroup_id = kCgroup, .count = 12}};
  start();
  const std::vector<std::string> json = alerts(1);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(json[0],
              AllOf(HasSubstr("\"outcome\":\"not_the_cause\""),
                    HasSubstr("\"bailiff.lost_cause\":\"no service\"")));
  EXPECT_THAT(responder_state_.killed, IsEmpty());
}

TEST_F(IntakeTest, NobodyAnswersForTheFloodOfAnother) {
  constexpr std::uint64_t kFlooder = 4712;
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.policies[1].on_loss = Response::kKill;
  const GenerationPtr current = *generations_->publish(policy);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  containers_.add(make_container(
      start_record("flooder", kFlooder, current->digest().hex()), current));
  kernel_state_.losses = {{.cgroup_id = kCgroup, .count = 12},
                          {.cgroup_id = kFlooder, .count = 99}};
  read_on(current);
  const std::vector<std::string> json = alerts(2);
  ASSERT_EQ(json.size(), 2U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"outcome\":\"not_the_cause\""),
                             HasSubstr("\"bailiff.lost_cause\":\"flooder\"")));
  EXPECT_THAT(json[1], HasSubstr("\"outcome\":\"killed\""));
  EXPECT_THAT(responder_state_.killed, ElementsAre("flooder"));
}

// A folder "/trap" of this thread, as it was judged when it was held.
HeldAnswer refused_folder(const ContainerPtr& container, std::uint32_t tid) {
  auto record = test::call_record(tid, BAILIFF_CALL_MKDIR);
  record.part(BAILIFF_PART_PATH, std::string_view("/trap", 6));
  Observed judged;
  judged.event = *parse_observed(record.build());
  ProcessTable table;
  judged.lineage = table.take(judged.event);
  return {.id = kId,
          .container = container,
          .tid = tid,
          .call = BAILIFF_CALL_MKDIR,
          .refused = true,
          .rules = {3},
          .judged = std::move(judged)};
}

// That it has returned.
test::Record returned_folder(const GenerationPtr& current, std::uint32_t tid,
                             std::string_view path) {
  auto record = test::call_record(tid, BAILIFF_CALL_MKDIR);
  record.common_part().header.cgroup_id = kCgroup;
  record.common_part().header.policy_id = current->policy_id();
  record.fixed().result = -EPERM;
  if (!path.empty()) record.part(BAILIFF_PART_PATH, path);
  return record.build();
}

TEST_F(IntakeTest, ARefusedCallIsToldOfByWhatItWasJudgedBy) {
  const GenerationPtr current = publish(Response::kNone);
  const ContainerPtr container = make_container(
      start_record(kId, kCgroup, current->digest().hex()), current);
  containers_.add(container);
  start();
  // By then the caller has put another one there, or none.
  intake_->answered(refused_folder(container, 4'100'001));
  kernel_state_.observer.write(
      returned_folder(current, 4'100'001, std::string_view("/harmless", 10)));
  intake_->answered(refused_folder(container, 4'100'002));
  kernel_state_.observer.write(returned_folder(current, 4'100'002, ""));
  for (const std::string& json : alerts(2)) {
    EXPECT_THAT(json, AllOf(HasSubstr("Warning /trap by"),
                            HasSubstr("\"verdict\":\"denied\"")));
  }
}

TEST_F(IntakeTest, ARefusedCallOfWhichTheRecordIsLostIsToldOf) {
  const GenerationPtr current = publish(Response::kNone);
  const ContainerPtr container = make_container(
      start_record(kId, kCgroup, current->digest().hex()), current);
  containers_.add(container);
  untold_after_ = {};
  start();
  intake_->answered(refused_folder(container, 4'100'001));
  const std::vector<std::string> json = alerts(1);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("Warning /trap by"),
                             HasSubstr("\"verdict\":\"denied\"")));
}

TEST_F(IntakeTest, ACallThatNobodyCouldJudgeIsToldOf) {
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.rules[3].condition = test::all_of(
      {test::event_is("mkdir"), is(FieldId::kEvtArg, std::string("/trap"))});
  const GenerationPtr current = *generations_->publish(policy);
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  start();
  intake_->answered({.id = kId,
                     .tid = 4'100'001,
                     .call = BAILIFF_CALL_MKDIR,
                     .refused = true});
  kernel_state_.observer.write(returned_folder(current, 4'100'001, ""));
  std::vector<std::string> json = alerts(1);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"rule\":\"Unjudged call\""),
                             HasSubstr("\"evt.type\":\"mkdir\""),
                             HasSubstr("\"proc.name\":\"sh\""),
                             HasSubstr("\"verdict\":\"denied\"")));
}

TEST_F(IntakeTest, ACallWhosePathWasTakenAwayIsALossOfItsContainers) {
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.policies[1].on_loss = Response::kKill;
  policy.rules[3].condition =
      test::all_of({test::event_is("mkdir"), is(FieldId::kEvtFailed, true)});
  const GenerationPtr current = *generations_->publish(policy);
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  start();
  auto record = test::call_record(4'100'001, BAILIFF_CALL_MKDIR);
  record.common_part().header.cgroup_id = kCgroup;
  record.common_part().header.policy_id = current->policy_id();
  kernel_state_.observer.write(record.build());
  const std::vector<std::string> json = alerts(1);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_THAT(json[0], AllOf(HasSubstr("\"rule\":\"Lost events\""),
                             HasSubstr("took away the paths"),
                             HasSubstr("\"bailiff.lost_cause\":\"itself\""),
                             HasSubstr("\"outcome\":\"killed\"")));
  EXPECT_THAT(metrics(), HasSubstr("{source=\"hidden\"} 1\n"));
}

TEST_F(IntakeTest, AnExemptContainerIsLeftAlone) {
  settings_->exempt = {std::string("id:") + kId};
  const GenerationPtr current = publish(Response::kKill);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  kernel_state_.ring.write(connect_of(kCgroup, current->policy_id(), 0));
  EXPECT_THAT(alerts(2)[0], HasSubstr("\"outcome\":\"exempt\""));
  EXPECT_THAT(responder_state_.killed, IsEmpty());
}

TEST_F(IntakeTest, ACandidateThatDoesNotHoldIsNoAlert) {
  const GenerationPtr current = publish(Response::kKill);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  bailiff_connect_event event = connect_of(kCgroup, current->policy_id(), 1);
  event.header.flags = BAILIFF_EVENT_CANDIDATE;
  event.header.verdict = BAILIFF_VERDICT_ALLOWED;
  kernel_state_.ring.write(event);
  kernel_state_.ring.write(connect_of(kCgroup, current->policy_id(), 0));
  // The second event's alerts are the only ones.
  EXPECT_THAT(alerts(2), ElementsAre(HasSubstr("\"rule\":\"c2\""),
                                     HasSubstr("\"rule\":\"c2\"")));
}

TEST_F(IntakeTest, JudgesACandidateByEachNameOfItsPeer) {
  CompiledPolicy policy = policy_of(Response::kNone);
  policy.rules = {
      rule_of("one", is(FieldId::kFdSipName, std::string("one.example")),
              "%fd.sip.name"),
      rule_of("two", is(FieldId::kFdSipName, std::string("two.example")),
              "%fd.sip.name"),
      rule_of("three", is(FieldId::kFdSipName, std::string("three.example")),
              "%fd.sip.name")};
  policy.policies.resize(1);
  policy.policies[0].rules = {0, 1, 2};
  const GenerationPtr current = *generations_->publish(policy);
  start();
  containers_.add(make_container(
      start_record(kId, kCgroup, current->digest().hex()), current));
  for (const std::uint32_t rule : {0U, 1U, 2U}) {
    bailiff_named_event named{
        .event = connect_of(kCgroup, current->policy_id(), rule), .names = {}};
    named.event.header.size = sizeof named;
    named.event.header.flags = BAILIFF_EVENT_CANDIDATE;
    named.event.header.verdict = BAILIFF_VERDICT_ALLOWED;
    named.names[0] = emit::name_hash("one.example")[0];
    named.names[1] = emit::name_hash("two.example")[0];
    named.event.name = named.names[1];  // the last that a rule held for
    std::vector<std::byte> bytes(sizeof named);
    ::memcpy(bytes.data(), &named, sizeof named);
    kernel_state_.ring.write(std::move(bytes));
  }
  EXPECT_THAT(alerts(2),
              ElementsAre(AllOf(HasSubstr("\"rule\":\"one\""),
                                HasSubstr("Warning one.example\"")),
                          AllOf(HasSubstr("\"rule\":\"two\""),
                                HasSubstr("Warning two.example\""))));
}

TEST_F(IntakeTest, TellsOfAContainerNobodyKnows) {
  const GenerationPtr current = publish(Response::kKill);
  start();
  kernel_state_.ring.write(connect_of(99, current->policy_id(), 0));
  EXPECT_THAT(alerts(2)[0],
              HasSubstr("\"outcome\":\"error: the container is not known\""));
}

TEST_F(IntakeTest, TellsWhatWasRefusedOfNobodyWhateverTheScopes) {
  CompiledPolicy policy = policy_of(Response::kNone);
  const Expr scope = is(FieldId::kContainerName, std::string("shop"));
  policy.policies[0].scope = scope;
  policy.policies[1].scope = scope;
  const GenerationPtr current = *generations_->publish(policy);
  start();
  kernel_state_.ring.write(connect_of(99, current->policy_id(), 0));
  EXPECT_THAT(alerts(1), ElementsAre(HasSubstr("\"policy\":\"block\"")));
}

TEST_F(IntakeTest, CountsEventsOfAnUnknownPolicyAndMalformedOnes) {
  publish(Response::kKill);
  kernel_state_.ring.write(connect_of(kCgroup, 12345, 0));
  bailiff_connect_event malformed = connect_of(kCgroup, 0, 0);
  malformed.family = 9;
  kernel_state_.ring.write(malformed);
  start();  // reads what waits before it returns
  EXPECT_THAT(metrics(), HasSubstr("{source=\"policy\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("{source=\"malformed\"} 1\n"));
  EXPECT_EQ(intake_->kernel_lost(), 5U);
}

TEST_F(IntakeTest, ARuleOutOfBoundsIsCounted) {
  const GenerationPtr current = publish(Response::kKill);
  kernel_state_.ring.write(connect_of(kCgroup, current->policy_id(), 1000));
  start();
  EXPECT_THAT(metrics(), HasSubstr("{source=\"policy\"} 1\n"));
}

TEST_F(IntakeTest, SetsABadSpoolFileAside) {
  scratch_.write("spool/1-bad.json", "{");
  start();
  EXPECT_TRUE(
      std::filesystem::exists(scratch_.path() + "/spool/1-bad.json.bad"));
  EXPECT_FALSE(std::filesystem::exists(scratch_.path() + "/spool/1-bad.json"));
}

TEST_F(IntakeTest, SaysWhyNoEventsAreRead) {
  kernel_state_.no_bpffs = "no bpffs here";
  start();
  EXPECT_EQ(intake_->events_problem(), "no bpffs here");
}

}  // namespace
}  // namespace bailiff::sidecar
