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

#include "sidecar/lists/list_changes_file.h"
#include "tests/harness/no_managers.h"
#include "tests/unit/sidecar/service/fakes.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;
using testing::AllOf;
using testing::Contains;
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
  Result<ListOutcome> change(
      const std::vector<std::string>& add,
      const std::vector<std::string>& remove, const std::string& list = "c2",
      std::optional<std::int64_t> for_ms = std::nullopt) {
    return service_->change_list(list, {.add = add,
                                        .remove = remove,
                                        .actor = "eve",
                                        .reason = "drill",
                                        .for_ms = for_ms});
  }
  // The items of a list as it is shown, those added by hand with a '+'.
  std::vector<std::string> items(const std::string& list = "c2") {
    std::vector<std::string> shown;
    const Result<ListPage> page = service_->list(list, 0, 1000);
    if (!page) return {page.error().message};
    for (const ListPage::Item& item : page->items) {
      shown.push_back((item.change ? "+" : "") + item.item);
    }
    return shown;
  }
  void rules_with(const std::string& lists) {
    const std::string rules(kRules);
    scratch_.write("rules/rules.yaml",
                   lists + rules.substr(rules.find("- rule")));
  }
  ListChanges kept() {
    return read_list_changes(scratch_.path() + "/state")->content;
  }
  // As a service leaves it that is killed before a change takes effect.
  void keep(const ListChanges& changes) {
    ASSERT_TRUE(write_list_changes(scratch_.path() + "/state", changes));
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

TEST_F(ServiceTest, ARetryIsOnRecordAndARefusalIsCounted) {
  start();
  // No sink has that name, so nobody delivers it meanwhile.
  const auto stored = service_->store().append({}, {"gone"}, 10);
  ASSERT_TRUE(stored);
  const auto deliveries = service_->store().deliveries(false, 10);
  ASSERT_TRUE(deliveries && deliveries->size() == 1);
  const std::int64_t delivery = deliveries->front().id;
  EXPECT_EQ(service_->retry(delivery, "root").error().code, Code::kNotFound);
  ASSERT_TRUE(service_->store().undelivered(delivery, "no answer", 0));
  EXPECT_TRUE(service_->retry(delivery, "root"));
  EXPECT_THAT(alerts().back(),
              AllOf(HasSubstr("\"response\":\"retry\""),
                    HasSubstr("\"outcome\":\"pending\""),
                    HasSubstr("\"bailiff.actor\":\"root\""),
                    HasSubstr("\"bailiff.reason\":\"delivery " +
                              std::to_string(delivery) + "\"")));
  service_->refused("root", 409, "{}\n");
  service_->refused("root", 409, "{}\n");
  EXPECT_THAT(service_->metrics(),
              HasSubstr("bailiff_api_refused_total{status=\"409\"} 2\n"));
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
  EXPECT_TRUE(service_->reload("root"));
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
  const Status reloaded = service_->reload("root");
  ASSERT_TRUE(reloaded) << reloaded.error().message;
  EXPECT_THAT(alerts().back(),
              AllOf(HasSubstr("\"rule\":\"Operator response\""),
                    HasSubstr("\"response\":\"reload\""),
                    HasSubstr("\"bailiff.actor\":\"root\""),
                    HasSubstr("\"outcome\":\"reloaded\"")));
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
  EXPECT_FALSE(service_->reload("root"));
  EXPECT_THAT(alerts().back(),
              HasSubstr("\"outcome\":\"error: nothing changed\""));
  scratch_.write(
      "rules/rules.yaml",
      "- list: c2\n  items: [\"203.0.113.68\"]\n" +
          std::string(kRules).substr(std::string(kRules).find("- rule")));
  // Publishing the new lists fails half way: the old ones are put back.
  kernel_.publish_errors = {"no memory"};
  EXPECT_FALSE(service_->reload("root"));
  EXPECT_EQ(digest(), before);
  EXPECT_THAT(kernel_.published.back(), ElementsAre("203.0.113.66"));
}

TEST_F(ServiceTest, TriesADegradedContainerAgainUntilAnUpdateIsDone) {
  constexpr const char* kOther = "fedcba9876543210";
  constexpr const char* kThird = "0011223344556677";
  // A folder that stands for the cgroup of one that runs.
  scratch_.make_folder("cgroup");
  struct stat folder {};
  ASSERT_EQ(::stat((scratch_.path() + "/cgroup").c_str(), &folder), 0);
  oci::ContainerRecord degraded = start_record(kId, folder.st_ino, "");
  degraded.cgroup_path = scratch_.path() + "/cgroup";
  degraded.degraded = "no bpffs";
  scratch_.make_folder("run/containers");
  ASSERT_EQ(::chmod((scratch_.path() + "/run").c_str(), 0700), 0);
  scratch_.write("run/containers/" + std::string(kId) + ".json",
                 oci::to_json(degraded));
  kernel_.publish_errors = {"", "no memory"};  // the start's, the update's
  start();
  EXPECT_THAT(kernel_.updates_of(1), ElementsAre(ElementsAre(kId)));

  // One that starts under an earlier policy has all brought up to date.
  const auto spool = [&](const char* id, std::uint64_t cgroup) {
    scratch_.write(
        "run/spool/00000000000000000001-" + std::string(id) + ".json",
        oci::to_json(start_record(id, cgroup, "earlier")));
  };
  spool(kOther, kCgroup + 1);
  EXPECT_THAT(kernel_.updates_of(2)[1], Contains(kId));
  spool(kThird, kCgroup + 2);
  EXPECT_THAT(kernel_.updates_of(3)[2], Not(Contains(kId)));
}

TEST_F(ServiceTest, AReloadRefusesWhatNeedsARestart) {
  start();
  configure(
      "sinks: [{name: soc, type: webhook, url: \"http://127.0.0.1:1/\"}]"
      "\n");
  const Status reloaded = service_->reload("root");
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

TEST_F(ServiceTest, AListIsChangedByHand) {
  start();
  start_container();
  const std::string before = digest();
  const auto outcome = change({"203.0.113.7|443", "203.0.113.66"}, {});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_THAT(outcome->added, ElementsAre("203.0.113.7|443"));
  EXPECT_THAT(outcome->unchanged, SizeIs(1));
  EXPECT_EQ(outcome->entries, 2U);
  // In what runs, in what starts, and in nobody's programs.
  EXPECT_THAT(kernel_.published.back(),
              ElementsAre("203.0.113.66", "203.0.113.7|443"));
  EXPECT_NE(digest(), before);
  EXPECT_THAT(kernel_.updates_of(0), IsEmpty());
  EXPECT_THAT(items(), ElementsAre("203.0.113.66", "+203.0.113.7|443"));
  EXPECT_THAT(service_->metrics(),
              HasSubstr("bailiff_list_entries{list=\"c2\"} 2\n"));
  EXPECT_THAT(
      alerts().back(),
      AllOf(HasSubstr("\"rule\":\"Operator response\""),
            HasSubstr("\"bailiff.list\":\"c2\""),
            HasSubstr("\"bailiff.added\":[\"203.0.113.7|443\"]"),
            HasSubstr("\"bailiff.actor\":\"eve\""), HasSubstr(outcome->id)));
  const std::vector<ListView> lists = service_->lists();
  ASSERT_THAT(lists, SizeIs(1));
  EXPECT_EQ(lists[0].kind, "addresses");
  EXPECT_EQ(lists[0].added, 1U);
  EXPECT_TRUE(lists[0].in_force);

  // And back: the same policy as before, and the same bytes.
  ASSERT_TRUE(change({}, {"203.0.113.7:443"}));
  EXPECT_EQ(digest(), before);
  EXPECT_THAT(kept().changes, IsEmpty());
  EXPECT_THAT(kept().untold, IsEmpty());
}

TEST_F(ServiceTest, AnItemOfAFileIsRemovedByHandAndComesBack) {
  start();
  ASSERT_TRUE(change({}, {"203.0.113.66"}));
  EXPECT_THAT(kernel_.published.back(), IsEmpty());
  EXPECT_THAT(items(), IsEmpty());
  ASSERT_TRUE(service_->reload("root"));
  EXPECT_THAT(kernel_.published.back(), IsEmpty());
  ASSERT_TRUE(change({"203.0.113.66"}, {}));
  EXPECT_THAT(items(), ElementsAre("203.0.113.66"));
}

TEST_F(ServiceTest, AChangeOfAListOutlivesReloadAndRestart) {
  start();
  ASSERT_TRUE(change({"203.0.113.7"}, {}));
  rules_with("- list: c2\n  items: [\"203.0.113.8\"]\n");
  ASSERT_TRUE(service_->reload("root"));
  EXPECT_THAT(kernel_.published.back(),
              ElementsAre("203.0.113.8", "203.0.113.7"));
  stop();
  start();
  EXPECT_THAT(items(), ElementsAre("203.0.113.8", "+203.0.113.7"));
  // Once for all, however often it started; and the reload.
  EXPECT_THAT(alerts(), SizeIs(2));
  ASSERT_TRUE(change({}, {"203.0.113.7"}));
  EXPECT_THAT(items(), ElementsAre("203.0.113.8"));
}

TEST_F(ServiceTest, AllOfARequestIsDoneOrNothing) {
  start();
  const std::string before = digest();
  const auto code = [&](const auto& add, const auto& remove,
                        const std::string& list = "c2") {
    return change(add, remove, list).error().code;
  };
  using Items = std::vector<std::string>;
  const auto bad = change({"203.0.113.7", "203.0.113.266"}, {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kInvalidArgument);
  EXPECT_EQ(bad.error().message,
            "list 'c2': item '203.0.113.266' is not an IP address");
  EXPECT_EQ(code(Items{"10.0.0.1/8"}, Items{}), Code::kInvalidArgument);
  EXPECT_EQ(code(Items{""}, Items{}), Code::kInvalidArgument);
  EXPECT_EQ(code(Items{std::string(2000, 'x')}, Items{}),
            Code::kInvalidArgument);
  EXPECT_EQ(code(Items{"203.0.113.7"}, Items{"x"}), Code::kInvalidArgument);
  EXPECT_EQ(code(Items{"203.0.113.7"}, Items{}, "none"), Code::kNotFound);
  EXPECT_FALSE(service_->list("none", 0, 1));
  EXPECT_EQ(digest(), before);
  EXPECT_EQ(kept(), ListChanges());
  EXPECT_THAT(alerts(), IsEmpty());
}

TEST_F(ServiceTest, WhatHasNoRoomInTheKernelLeavesTheLists) {
  start();
  const std::string before = digest();
  kernel_.publish_errors = {"no memory"};
  const auto outcome = change({"203.0.113.7"}, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kIo);
  EXPECT_THAT(
      outcome.error().message,
      AllOf(HasSubstr("the lists are what they were"), HasSubstr("no memory")));
  EXPECT_EQ(digest(), before);
  EXPECT_THAT(kernel_.published.back(), ElementsAre("203.0.113.66"));
  EXPECT_THAT(items(), ElementsAre("203.0.113.66"));
  EXPECT_EQ(kept(), ListChanges());
  EXPECT_THAT(alerts(), IsEmpty());
}

TEST_F(ServiceTest, AChangeThatWasKeptTakesEffectAtTheNextStart) {
  start();
  stop();
  ListChanges changes;
  changes.changes = {{.list = "c2",
                      .item = "203.0.113.7",
                      .id = "id-1",
                      .actor = "eve",
                      .reason = "",
                      .since_ns = 1}};
  changes.untold = {{.id = "id-1",
                     .list = "c2",
                     .added = {"203.0.113.7"},
                     .removed = {},
                     .ended = "",
                     .actor = "eve",
                     .reason = "",
                     .time_ns = 1}};
  keep(changes);
  start();
  EXPECT_THAT(items(), ElementsAre("203.0.113.66", "+203.0.113.7"));
  ASSERT_TRUE(service_->store().wait_for_newer(0, 60'000));
  EXPECT_THAT(alerts(), ElementsAre(HasSubstr("id-1")));
  stop();
  // It was told, and killed before it could note so.
  keep(changes);
  start();
  ASSERT_TRUE(change({"203.0.113.9"}, {}));
  EXPECT_THAT(alerts(), SizeIs(2));
}

TEST_F(ServiceTest, AChangeOfAListEndsByItself) {
  start();
  ASSERT_TRUE(change({"203.0.113.7"}, {"203.0.113.66"}, "c2", 1));
  ASSERT_TRUE(service_->store().wait_for_newer(1, 60'000));
  EXPECT_THAT(items(), ElementsAre("203.0.113.66"));
  EXPECT_THAT(kernel_.published.back(), ElementsAre("203.0.113.66"));
  EXPECT_THAT(alerts().back(),
              AllOf(HasSubstr("\"rule\":\"List change ended\""),
                    HasSubstr("\"bailiff.added\":[\"203.0.113.7\"]"),
                    HasSubstr("\"bailiff.removed\":[\"203.0.113.66\"]")));
  EXPECT_THAT(kept().changes, IsEmpty());
}

TEST_F(ServiceTest, WhatEndedWhileNobodyWatchedDoesNotTakeEffectAgain) {
  start();
  stop();
  ListChanges changes;
  changes.changes = {{.list = "c2",
                      .item = "203.0.113.7",
                      .id = "id-1",
                      .actor = "eve",
                      .reason = "",
                      .since_ns = 1,
                      .until_ns = 2}};
  keep(changes);
  kernel_.published.clear();
  start();
  EXPECT_THAT(kernel_.published, ElementsAre(ElementsAre("203.0.113.66")));
  ASSERT_TRUE(service_->store().wait_for_newer(0, 60'000));
  EXPECT_THAT(alerts(), ElementsAre(HasSubstr("List change ended")));
}

TEST_F(ServiceTest, ChangesOfAListThatIsGoneAreKeptAndCanBeUndone) {
  start();
  ASSERT_TRUE(change({"203.0.113.7"}, {"203.0.113.66"}));
  std::string renamed = kRules;
  for (std::size_t at = renamed.find("c2"); at != std::string::npos;
       at = renamed.find("c2")) {
    renamed.replace(at, 2, "other");
  }
  scratch_.write("rules/rules.yaml", renamed);
  ASSERT_TRUE(service_->reload("root"));
  EXPECT_THAT(items("other"), ElementsAre("203.0.113.66"));
  const std::vector<ListView> lists = service_->lists();
  ASSERT_THAT(lists, SizeIs(2));
  EXPECT_EQ(lists[1].name, "c2");
  EXPECT_FALSE(lists[1].in_force);
  EXPECT_EQ(change({"203.0.113.9"}, {}).error().code, Code::kUnsupported);
  // Back again, with what was changed.
  scratch_.write("rules/rules.yaml", kRules);
  ASSERT_TRUE(service_->reload("root"));
  EXPECT_THAT(items(), ElementsAre("+203.0.113.7"));
  // Gone, and undone there.
  scratch_.write("rules/rules.yaml", renamed);
  ASSERT_TRUE(service_->reload("root"));
  ASSERT_TRUE(change({"203.0.113.66"}, {"203.0.113.7"}));
  EXPECT_THAT(service_->lists(), SizeIs(1));
  EXPECT_EQ(change({"203.0.113.9"}, {}).error().code, Code::kNotFound);
}

TEST_F(ServiceTest, ChangesOnlyWhatIsLookedUpInTheKernel) {
  scratch_.write("rules/rules.yaml", std::string(kRules) + R"yaml(
- list: programs
  items: [nc]
- list: text
  items: ["203.0.113.1"]
- list: idle
  items: [x]
- rule: Tools
  desc: d
  condition: evt.type = connect and (proc.name in (programs) or fd.sip = text)
  output: o
  priority: INFO
)yaml");
  start();
  const auto why = [&](const std::string& list) {
    const auto outcome = change({"203.0.113.7"}, {}, list);
    if (outcome) return std::string("changed");
    EXPECT_EQ(outcome.error().code, Code::kUnsupported);
    return outcome.error().message;
  };
  EXPECT_THAT(why("programs"), HasSubstr("only new programs could"));
  EXPECT_THAT(why("text"), HasSubstr("stands in a condition as text"));
  EXPECT_THAT(why("idle"), HasSubstr("is used by no condition"));
  EXPECT_EQ(why("c2"), "changed");
}

TEST_F(ServiceTest, SaysWhatWasLostOfADamagedFile) {
  start();
  ASSERT_TRUE(change({"203.0.113.7"}, {}));
  ASSERT_TRUE(change({"203.0.113.8"}, {}));
  stop();
  const std::string path = scratch_.path() + "/state/lists";
  std::string text = *read_bounded(path, 1 << 20);
  text[text.find("203.0.113.7") + 10] = '9';
  scratch_.write("state/lists", text);
  start();
  EXPECT_FALSE(ready());
  EXPECT_THAT(items(), ElementsAre("203.0.113.66", "+203.0.113.8"));
}

TEST_F(ServiceTest, ShowsAListPageByPage) {
  rules_with(
      "- list: inner\n  items: [\"203.0.113.3\", \"203.0.113.4\"]\n"
      "- list: c2\n  items: [\"203.0.113.1\", inner, \"203.0.113.2\"]\n");
  start();
  ASSERT_TRUE(change({"203.0.113.5"}, {}));
  std::vector<std::string> shown;
  std::optional<std::int64_t> after = 0;
  while (after) {
    const Result<ListPage> page = service_->list("c2", *after, 2);
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_LE(page->items.size(), 2U);
    EXPECT_EQ(page->changes.empty(), *after > 0);
    for (const ListPage::Item& item : page->items) {
      shown.push_back(item.list + (item.change ? " +" : " ") + item.item);
    }
    after = page->next;
  }
  EXPECT_THAT(shown,
              ElementsAre("c2 203.0.113.1", "c2 203.0.113.2", "c2 +203.0.113.5",
                          "inner 203.0.113.3", "inner 203.0.113.4"));
  EXPECT_THAT(service_->list("c2", 0, 0)->items, IsEmpty());
  EXPECT_THAT(service_->list("c2", 99, 2)->items, IsEmpty());
}

}  // namespace
}  // namespace bailiff::sidecar
