// SPDX-License-Identifier: Apache-2.0
//
// The whole service in one process: real files, store and HTTP-free API, with
// a kernel and containers that are the test's.
#include "sidecar/service/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/no_managers.h"
#include "tests/unit/sidecar/service/fakes.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::chrono::seconds kLong{60};
constexpr std::uint64_t kCgroup = 4711;
constexpr const char* kId = "0123456789abcdef";

constexpr const char* kRules = R"yaml(
- list: c2
  items: ["203.0.113.66"]
- rule: Malicious C2
  desc: a connection to a host of the list
  condition: evt.type = connect and fd.sip in (c2)
  output: "connected (%proc.name %fd.sip)"
  priority: WARNING
- rule: Launch new container
  desc: a container started
  condition: evt.type = container
  output: "started (%proc.cmdline)"
  priority: NOTICE
)yaml";

constexpr const char* kPolicies = R"(
policies:
  - name: block
    rules: ["Malicious C2"]
    block: true
    response: kill
  - name: watch
    rules: ["Malicious C2", "Launch new container"]
    response: none
)";

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    scratch_.make_folder("rules");
    scratch_.write("rules/rules.yaml", kRules);
    scratch_.write("policies.yaml", kPolicies);
    configure("");
  }

  void configure(const std::string& more) {
    const std::string& path = scratch_.path();
    scratch_.write("bailiff.yaml",
                   "node: node-1\nrun_dir: " + path +
                       "/run\nstate_dir: " + path + "/state\nbpf_dir: " + path +
                       "/bpf\nrules: [" + path + "/rules]\npolicies: [" + path +
                       "/policies.yaml]\n" + more);
  }

  Result<std::unique_ptr<Service>> try_start() {
    Machine machine;
    machine.kernel_side = [this](const std::string&) {
      return std::make_unique<FakeKernelSide>(kernel_);
    };
    machine.responder = [this] {
      return Result<std::unique_ptr<Responder>>(
          std::make_unique<FakeResponder>(responder_));
    };
    machine.managers = [] { return std::make_unique<NoManagers>(); };
    return Service::start(scratch_.path() + "/bailiff.yaml", machine);
  }
  void start() {
    Result<std::unique_ptr<Service>> started = try_start();
    ASSERT_TRUE(started) << started.error().message;
    service_ = *std::move(started);
  }
  void stop() {
    service_->stop(steady_clock::now() + kLong);
    service_.reset();
  }

  Result<std::string> kill(const std::string& name, const std::string& reason,
                           const std::string& actor) {
    return service_->respond(Verb::kKill, name,
                             {.reason = reason, .actor = actor});
  }
  // As the hook does it; waits until the start is told.
  void start_container() {
    const std::int64_t before = service_->store().newest();
    scratch_.write(
        "run/spool/00000000000000000001-" + std::string(kId) + ".json",
        oci::to_json(start_record(kId, kCgroup, digest())));
    ASSERT_TRUE(service_->store().wait_for_newer(before, 60'000));
  }
  std::string digest() {
    for (const ReadinessCheck& check : service_->readiness()) {
      if (check.name == "policy") return check.detail;
    }
    return "";
  }
  std::vector<std::string> alerts() {
    std::vector<std::string> json;
    Result<std::vector<StoredAlert>> stored = service_->store().query({});
    for (const StoredAlert& alert : *stored) json.push_back(alert.json);
    return json;
  }
  bool ready() {
    for (const ReadinessCheck& check : service_->readiness()) {
      if (!check.ok) return false;
    }
    return true;
  }
  static std::string violation(const std::string& rule,
                               const std::string& container) {
    return R"({"hostname":"node-1","output":"16:00:00.0: Warning it happened",)"
           R"("output_fields":{"container.id":")" +
           container + R"("},"priority":"Warning","rule":")" + rule +
           R"(","source":"syscall","tags":[],)"
           R"("time":"2026-08-19T16:00:00.020000000Z"})";
  }

  Scratch scratch_;
  FakeKernelState kernel_;
  FakeResponderState responder_;
  std::unique_ptr<Service> service_;
};

TEST_F(ServiceTest, IsReadyOnceItHasStarted) {
  start();
  EXPECT_TRUE(ready());
  EXPECT_TRUE(std::filesystem::exists(scratch_.path() + "/state/policy.bin"));
  EXPECT_THAT(kernel_.published, ElementsAre(ElementsAre("203.0.113.66")));
  struct stat run {};
  ASSERT_EQ(::stat((scratch_.path() + "/run").c_str(), &run), 0);
  EXPECT_EQ(run.st_mode & 0777U, 0700U);
}

TEST_F(ServiceTest, AnswersWhatTheKernelReports) {
  start();
  start_container();
  const GenerationPtr current =
      (*Generations::open(scratch_.path() + "/state"))->current();
  const std::int64_t before = service_->store().newest();
  kernel_.ring.write(connect_of(kCgroup, current->policy_id(), 0));
  while (service_->store().newest() < before + 2) {
    ASSERT_TRUE(
        service_->store().wait_for_newer(service_->store().newest(), 60'000));
  }
  EXPECT_THAT(alerts(), ElementsAre(HasSubstr("Launch new container"),
                                    AllOf(HasSubstr("\"policy\":\"block\""),
                                          HasSubstr("\"outcome\":\"killed\""),
                                          HasSubstr("\"hostname\":\"node-1\"")),
                                    HasSubstr("\"policy\":\"watch\"")));
  EXPECT_THAT(responder_.killed, ElementsAre(kId));
  EXPECT_THAT(service_->metrics(),
              AllOf(HasSubstr("bailiff_responses_total{response=\"kill\","
                              "outcome=\"killed\"} 1\n"),
                    HasSubstr("bailiff_response_seconds_count 1\n"),
                    HasSubstr("bailiff_self_test 1\n"),
                    HasSubstr("bailiff_list_entries{list=\"c2\"} 1\n")));
}

TEST_F(ServiceTest, AViolationFromOutsideIsAnsweredToo) {
  start();
  start_container();
  Result<std::string> uuid =
      service_->violation(violation("Malicious C2", "0123456789ab"));
  ASSERT_TRUE(uuid) << uuid.error().message;
  const std::vector<std::string> json = alerts();
  ASSERT_THAT(json, SizeIs(3));
  EXPECT_THAT(json[1],
              AllOf(HasSubstr(*uuid), HasSubstr("\"enforcement\":\"external\""),
                    HasSubstr("\"verdict\":\"observed\""),
                    HasSubstr("\"outcome\":\"killed\"")));
  EXPECT_THAT(responder_.killed, ElementsAre(kId));
}

TEST_F(ServiceTest, AViolationNobodyCanActOnIsStoredWithTheReason) {
  start();
  start_container();
  ASSERT_TRUE(service_->violation(violation("Malicious C2", "feedfeedfeed")));
  ASSERT_TRUE(service_->violation(violation("Malicious C2", "host")));
  ASSERT_TRUE(service_->violation(violation("No such", "0123456789ab")));
  const std::vector<std::string> json = alerts();
  ASSERT_THAT(json, SizeIs(4));
  EXPECT_THAT(json[1], HasSubstr("no container 'feedfeedfeed'"));
  EXPECT_THAT(json[2], HasSubstr("the violation names no container"));
  EXPECT_THAT(json[3], HasSubstr("no rule of that name is loaded"));
  EXPECT_THAT(responder_.killed, IsEmpty());
  EXPECT_THAT(service_->metrics(), HasSubstr("rule=\"unknown\""));
}

TEST_F(ServiceTest, RefusesAViolationThatIsNoAlert) {
  start();
  Result<std::string> uuid = service_->violation("{}");
  ASSERT_FALSE(uuid);
  EXPECT_EQ(uuid.error().code, Code::kInvalidArgument);
  EXPECT_THAT(alerts(), IsEmpty());
}

TEST_F(ServiceTest, AKillByHandIsOnRecord) {
  start();
  start_container();
  Result<std::string> outcome = kill("shop", "looks odd", "root");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(*outcome, "killed");
  EXPECT_THAT(alerts().back(),
              AllOf(HasSubstr("\"rule\":\"Operator response\""),
                    HasSubstr("\"source\":\"bailiff\""),
                    HasSubstr("\"bailiff.actor\":\"root\""),
                    HasSubstr("\"bailiff.reason\":\"looks odd\""),
                    HasSubstr("\"outcome\":\"killed\"")));
  EXPECT_EQ(kill("nobody", "", "root").error().code, Code::kNotFound);
  Result<std::string> again = kill("shop", "still odd", "root");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kUnsupported);
}

TEST_F(ServiceTest, WhatIsDoneByHandIsUndoneByHand) {
  start();
  start_container();
  const auto outcome = [&](Verb verb) {
    const Result<std::string> done =
        service_->respond(verb, kId, {.reason = "drill", .actor = "root"});
    return done ? *done : "error: " + done.error().message;
  };
  EXPECT_THAT(outcome(Verb::kResume), HasSubstr("not paused"));
  EXPECT_EQ(outcome(Verb::kPause), "paused");
  EXPECT_THAT(responder_.frozen, ElementsAre(kId));
  EXPECT_EQ(outcome(Verb::kResume), "resumed");
  EXPECT_THAT(responder_.frozen, IsEmpty());
  EXPECT_THAT(alerts().back(), AllOf(HasSubstr("\"response\":\"resume\""),
                                     HasSubstr("\"bailiff.actor\":\"root\""),
                                     HasSubstr("\"caused_by\":\"")));
  EXPECT_EQ(outcome(Verb::kIsolate), "isolated");
  EXPECT_THAT(kernel_.isolated, ElementsAre(kId));
  EXPECT_EQ(outcome(Verb::kRelease), "released");
  EXPECT_THAT(kernel_.isolated, IsEmpty());
}

TEST_F(ServiceTest, AnExemptContainerIsNotKilledByHandEither) {
  configure("exempt: [\"id:0123\"]\n");
  start();
  start_container();
  EXPECT_EQ(kill(kId, "", "root").error().code, Code::kUnsupported);
  EXPECT_THAT(responder_.killed, IsEmpty());
}

TEST_F(ServiceTest, AHostThatCannotEnforceIsNotReadyAndStillAnswers) {
  kernel_.no_bpffs = "mount a bpffs";
  kernel_.broken_test = "no cgroup programs";
  start();
  EXPECT_FALSE(ready());
  EXPECT_THAT(service_->metrics(), HasSubstr("bailiff_self_test 0\n"));
  EXPECT_TRUE(service_->violation(violation("Malicious C2", "host")));
  EXPECT_TRUE(service_->reload());
}

TEST_F(ServiceTest, ASecondServiceOnTheSameFolderIsRefused) {
  start();
  Result<std::unique_ptr<Service>> second = try_start();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another service"));
}

TEST_F(ServiceTest, RulesThatDoNotLoadChangeNothing) {
  start();
  stop();
  const std::string before = *read_bounded(
      scratch_.path() + "/state/policy.bin", std::size_t{1} << 20);
  scratch_.write("rules/rules.yaml",
                 std::string(kRules) +
                     "- rule: broken\n  condition: fd.nosuch = 1\n"
                     "  desc: d\n  output: o\n  priority: INFO\n");
  Result<std::unique_ptr<Service>> again = try_start();
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message,
              AllOf(HasSubstr("rules.yaml:"), HasSubstr("fd.nosuch")));
  EXPECT_EQ(*read_bounded(scratch_.path() + "/state/policy.bin",
                          std::size_t{1} << 20),
            before);
}

TEST_F(ServiceTest, RefusesAWorldWritableFileByItsName) {
  const std::string rules = scratch_.path() + "/rules/rules.yaml";
  ASSERT_EQ(::chmod(rules.c_str(), 0666), 0);
  Result<std::unique_ptr<Service>> started = try_start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr(rules));
}

TEST_F(ServiceTest, RefusesASinkNobodyDefined) {
  scratch_.write("policies.yaml",
                 std::string(kPolicies) + "    notify: [soc]\n");
  Result<std::unique_ptr<Service>> started = try_start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message,
              AllOf(HasSubstr("'watch'"), HasSubstr("'soc'")));
}

TEST_F(ServiceTest, AReloadPublishesListsAndKeepsRunningContainers) {
  start();
  start_container();
  const std::string before = digest();
  std::string rules = kRules;
  rules.replace(rules.find("203.0.113.66"), 12, "203.0.113.67");
  scratch_.write("rules/rules.yaml", rules);
  const Status reloaded = service_->reload();
  ASSERT_TRUE(reloaded) << reloaded.error().message;
  EXPECT_NE(digest(), before);
  EXPECT_THAT(kernel_.published.back(), ElementsAre("203.0.113.67"));
  EXPECT_EQ(service_->container(kId)->policy_digest, before);
  EXPECT_TRUE(std::filesystem::exists(scratch_.path() + "/state/policies/" +
                                      before + ".bin"));
}

TEST_F(ServiceTest, AReloadThatFailsChangesNothing) {
  start();
  const std::string before = digest();
  scratch_.write("rules/rules.yaml", "- rule: broken\n");
  EXPECT_FALSE(service_->reload());
  scratch_.write(
      "rules/rules.yaml",
      "- list: c2\n  items: [\"203.0.113.68\"]\n" +
          std::string(kRules).substr(std::string(kRules).find("- rule")));
  // Publishing the new lists fails half way: the old ones are put back.
  kernel_.publish_errors = {"no memory"};
  EXPECT_FALSE(service_->reload());
  EXPECT_EQ(digest(), before);
  EXPECT_THAT(kernel_.published.back(), ElementsAre("203.0.113.66"));
}

TEST_F(ServiceTest, AReloadRefusesWhatNeedsARestart) {
  start();
  configure(
      "sinks: [{name: soc, type: webhook, url: \"http://127.0.0.1:1/\"}]"
      "\n");
  const Status reloaded = service_->reload();
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.error().message, HasSubstr("'sinks' needs a restart"));
}

TEST_F(ServiceTest, ShowsContainersPoliciesAndRules) {
  start();
  start_container();
  const std::vector<ContainerView> views = service_->containers();
  ASSERT_THAT(views, SizeIs(1));
  EXPECT_EQ(views[0].id, kId);
  EXPECT_THAT(views[0].policies, ElementsAre("block", "watch"));
  // No such cgroup was ever made.
  EXPECT_EQ(views[0].state, "gone");
  const std::vector<PolicyView> policies = service_->policies();
  ASSERT_THAT(policies, SizeIs(2));
  EXPECT_EQ(policies[0].response, "kill");
  EXPECT_THAT(policies[1].rules,
              ElementsAre("Malicious C2", "Launch new container"));
  EXPECT_THAT(service_->rules_json(),
              AllOf(HasSubstr("\"rule\":\"Malicious C2\""),
                    HasSubstr("\"enforcement\":\"kernel\"")));
}

TEST_F(ServiceTest, KeepsTheTimelineOverARestart) {
  start();
  start_container();
  stop();
  start();
  EXPECT_THAT(alerts(), ElementsAre(HasSubstr("Launch new container")));
}

}  // namespace
}  // namespace bailiff::sidecar
