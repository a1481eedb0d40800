// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/test_policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "sidecar/cli/stored_events.h"
#include "tests/harness/fake_client.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kRules =
    "- rule: c2\n  desc: d\n  condition: evt.type = connect\n  output: o\n"
    "  priority: WARNING\n"
    "- rule: sh\n  desc: d\n  condition: evt.type = mkdir\n  output: o\n"
    "  priority: WARNING\n";

// As the service stores one.
json stored(const std::string& rule, const std::string& id = "c0ffee") {
  return {{"hostname", "node"},
          {"output", "16:00:00.020000000: Warning it"},
          {"output_fields", {{"proc.pid", 7}}},
          {"priority", "Warning"},
          {"rule", rule},
          {"source", "syscall"},
          {"tags", {"network"}},
          {"time", "2019-08-19T16:00:00.020000000Z"},
          {"bailiff",
           {{"policy", "p"},
            {"mode", "enforce"},
            {"enforcement", "kernel"},
            {"hook", "connect"},
            {"verdict", "denied"},
            {"response", "kill"},
            {"outcome", "killed"},
            {"container",
             {{"id", id},
              {"name", "shop"},
              {"image", "shop:1"},
              {"pod", nullptr},
              {"namespace", nullptr}}}}}};
}

class TestPolicies : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    write_file(scratch_ / name, text);
    return scratch_ / name;
  }
  std::string policy(const std::string& rest) {
    return file("policies.yaml", "policies:\n- name: p\n" + rest);
  }
  int run(PolicyTestOptions options) {
    const Terminal terminal{.out = out_, .err = err_, .json = json_};
    return test_policies(client_, terminal, options);
  }
  int run_file(const std::string& policies, const std::string& events) {
    return run({.files = {file("rules.yaml", kRules), policies},
                .events = file("events.jsonl", events)});
  }

  ScratchFolder scratch_;
  FakeClient client_;
  std::ostringstream out_;
  std::ostringstream err_;
  bool json_ = false;
};

TEST_F(TestPolicies, ShowsWhatWouldHaveBeenOtherwise) {
  EXPECT_EQ(run_file(policy("  rules: [c2]\n  block: true\n"
                            "  response: pause\n"),
                     stored("c2").dump() + "\n\n"),
            kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("denied, killed"));
  EXPECT_THAT(out_.str(), HasSubstr("denied, paused"));
  EXPECT_THAT(out_.str(), HasSubstr("responses: pause=1"));
  EXPECT_THAT(out_.str(), HasSubstr("conditions were not evaluated"));
  EXPECT_TRUE(client_.asked.empty());
}

TEST_F(TestPolicies, ShowsWhatStaysOnlyWhenAsked) {
  const std::string same =
      policy("  rules: [c2]\n  block: true\n  response: kill\n");
  EXPECT_EQ(run_file(same, stored("c2").dump()), kExitOk);
  EXPECT_THAT(out_.str(), Not(HasSubstr("denied, killed")));
  EXPECT_EQ(run({.files = {file("rules.yaml", kRules), same},
                 .events = scratch_ / "events.jsonl",
                 .all = true}),
            kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("denied, killed"));
}

TEST_F(TestPolicies, WritesOneJsonObject) {
  json_ = true;
  EXPECT_EQ(run_file(policy("  rules: [c2, sh]\n  response: none\n"),
                     stored("c2").dump() + "\n" + stored("other").dump()),
            kExitOk);
  const json result = json::parse(out_.str());
  ASSERT_EQ(result["rows"].size(), 2U);
  EXPECT_EQ(result["rows"][0]["then"]["outcome"], "killed");
  EXPECT_EQ(result["rows"][0]["now"]["verdict"], "allowed");
  EXPECT_EQ(result["rows"][1]["now"], nullptr);
  EXPECT_EQ(result["summary"]["unheld"]["other"], 1);
  EXPECT_EQ(result["summary"]["never_fired"][0]["rule"], "sh");
}

TEST_F(TestPolicies, TellsLoudlyThatABudgetWouldBeUsedUp) {
  const std::string events =
      stored("c2", "a").dump() + "\n" + stored("c2", "b").dump();
  EXPECT_EQ(run({.files = {file("rules.yaml", kRules),
                           policy("  rules: [c2]\n  response: kill\n")},
                 .events = file("events.jsonl", events),
                 .config = file("bailiff.yaml", "limits: {policy: 1}\n")}),
            kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("BUDGET USED UP: policy 'p'"));
  EXPECT_THAT(out_.str(), HasSubstr("over_budget"));
}

TEST_F(TestPolicies, AsksTheServiceForItsRulesAndPageByPageForItsEvents) {
  const json page = {{"events", {stored("c2")}}, {"next", 1}};
  client_.answer(200, R"({"rules":[{"rule":"c2"},{"rule":"sh"}]})");
  client_.answer(200, page.dump());
  client_.answer(200, page.dump());
  EXPECT_EQ(run({.files = {policy("  rules: [c2, sh, {tags: [network]}]\n"
                                  "  block: true\n  response: pause\n")},
                 .container = "shop"}),
            kExitOk)
      << err_.str();
  EXPECT_THAT(client_.asked,
              ElementsAre("GET /v1/rules",
                          "GET /v1/events?limit=1000&after=0&container=shop",
                          "GET /v1/events?limit=1000&after=0&container=shop"));
  EXPECT_THAT(out_.str(), HasSubstr("denied, paused"));
  EXPECT_THAT(out_.str(), HasSubstr("no stored event fired 'sh'"));
}

TEST_F(TestPolicies, RefusesARuleTheServiceDoesNotHave) {
  client_.answer(200, R"({"rules":[{"rule":"c2"}]})");
  client_.answer(200, R"({"events":[],"next":0})");
  EXPECT_EQ(run({.files = {policy("  rules: [c3]\n")}}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("unknown rule 'c3'"));
}

// The service has them, and does not tell of which rules they are.
TEST_F(TestPolicies, TakesTagsOfRulesThatDidNotFire) {
  client_.answer(200, R"({"rules":[{"rule":"c2"}]})");
  client_.answer(200, R"({"events":[],"next":0})");
  client_.answer(200, R"({"events":[],"next":0})");
  EXPECT_EQ(run({.files = {policy("  rules: [{tags: [network]}]\n")}}), kExitOk)
      << err_.str();
}

TEST_F(TestPolicies, TakesRulesThatAFileOfEventsDoesNotName) {
  EXPECT_EQ(run({.files = {policy("  rules: [c2, sh, 'x*', {tags: [t]}]\n")},
                 .events = file("events.jsonl", stored("c2").dump())}),
            kExitOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("no stored event fired 'sh'"));
}

TEST_F(TestPolicies, SaysThatTheServiceDoesNotAnswer) {
  EXPECT_EQ(
      run({.files = {file("rules.yaml", kRules), policy("  rules: [c2]\n")}}),
      kExitNoService);
  EXPECT_EQ(err_.str(), "bailiff: nobody listens\n");
}

TEST_F(TestPolicies, SaysThatFilesDoNotLoad) {
  EXPECT_EQ(run_file(policy("  rules: [c2]\n  response: destroy\n"), ""),
            kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("'response' must be"));
  EXPECT_EQ(run({.files = {file("rules.yaml", kRules)},
                 .events = scratch_ / "events.jsonl"}),
            kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no policy is in these files"));
  EXPECT_EQ(run({.files = {policy("  rules: [c2]\n")}, .events = "/no/such"}),
            kExitFailed);
}

TEST_F(TestPolicies, WritesNoHalfOfAJsonObject) {
  json_ = true;
  PolicyTestOptions options{
      .files = {file("rules.yaml", kRules), policy("  rules: [c2]\n")}};
  EXPECT_EQ(run(options), kExitNoService);
  EXPECT_EQ(out_.str(), "");
  // Of a service that ends behind the first of more pages.
  json page = {{"events", json::array()}, {"next", 1000}};
  for (int i = 0; i < 1000; ++i) page["events"].push_back(stored("c2"));
  client_.answer(200, page.dump());
  options.all = true;
  EXPECT_EQ(run(options), kExitNoService);
  const json result = json::parse(out_.str());
  EXPECT_FALSE(result["rows"].empty());
  EXPECT_FALSE(result.contains("summary"));
}

TEST_F(TestPolicies, WritesAnObjectWhenNothingDiffers) {
  json_ = true;
  EXPECT_EQ(run_file(policy("  rules: [c2]\n"), ""), kExitOk);
  const json result = json::parse(out_.str());
  EXPECT_TRUE(result["rows"].empty());
  EXPECT_EQ(result["summary"]["events"], 0);
}

TEST_F(TestPolicies, KnowsPodsThatAreExempt) {
  json_ = true;
  json event = stored("c2");
  json& container = event["bailiff"]["container"];
  container["pod"] = "dns";
  container["namespace"] = "kube-system";
  container["pod_trusted"] = true;
  EXPECT_EQ(
      run({.files = {file("rules.yaml", kRules),
                     policy("  rules: [c2]\n  response: kill\n")},
           .events = file("events.jsonl", event.dump()),
           .config = file("bailiff.yaml", "exempt: [kube-system/dns]\n")}),
      kExitOk);
  const json result = json::parse(out_.str());
  ASSERT_EQ(result["rows"].size(), 1U);
  EXPECT_EQ(result["rows"][0]["now"]["outcome"], "exempt");
}

TEST_F(TestPolicies, NamesALineThatIsNoEventAndGoesOn) {
  EXPECT_EQ(run_file(policy("  rules: [c2]\n  response: pause\n"),
                     "nonsense\n" + stored("c2").dump()),
            kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("events.jsonl:1: error: "));
  EXPECT_THAT(out_.str(), HasSubstr("paused"));
}

TEST_F(TestPolicies, EvaluatesEventsOfFieldsAnew) {
  const std::string events =
      R"({"evt.type":"mkdir","container.id":"c0ffee","evt.rawtime":5})"
      "\n"
      R"({"evt.type":"open","container.id":"c0ffee"})";
  EXPECT_EQ(run_file(policy("  rules: [c2, sh]\n  response: pause\n"), events),
            kExitOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("observed, paused"));
  EXPECT_THAT(out_.str(), HasSubstr("2 of fields"));
  EXPECT_THAT(out_.str(), HasSubstr("1 events have no time"));
}

TEST_F(TestPolicies, LooksAtASpanOfTimeAndOneRule) {
  const std::string events = stored("c2").dump() + "\n" + stored("sh").dump();
  const auto counted = [&](PolicyTestOptions options) {
    options.files = {file("rules.yaml", kRules),
                     policy("  rules: [c2, sh]\n  response: pause\n")};
    options.events = file("events.jsonl", events);
    json_ = true;
    out_.str("");
    EXPECT_EQ(run(options), kExitOk);
    return json::parse(out_.str())["summary"]["events"].get<int>();
  };
  EXPECT_EQ(counted({}), 2);
  EXPECT_EQ(counted({.rule = "sh"}), 1);
  EXPECT_EQ(counted({.since = "2019-08-19T16:00:01Z"}), 0);
  EXPECT_EQ(counted({.until = "2019-08-19T16:00:00Z"}), 0);
  EXPECT_EQ(counted({.container = "other"}), 0);
  json_ = false;
  EXPECT_EQ(run({.files = {"x"}, .since = "yesterday"}), kExitUsage);
}

TEST_F(TestPolicies, LetsNoContainerSteerTheTerminal) {
  json event = stored("c2");
  event["bailiff"]["container"]["name"] = "\x1b[2J";
  EXPECT_EQ(
      run_file(policy("  rules: [c2]\n  response: pause\n"), event.dump()),
      kExitOk);
  EXPECT_EQ(out_.str().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace bailiff::sidecar
