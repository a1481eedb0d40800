// SPDX-License-Identifier: Apache-2.0
#include "sidecar/replay/replay.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/policy/load.h"
#include "tests/harness/expr.h"

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::string rule(const std::string& name, const std::string& condition) {
  return "- rule: " + name + "\n  desc: d\n  condition: " + condition +
         "\n  output: o\n  priority: WARNING\n";
}

// c2 is refused by the kernel; sh is observed.
CompiledPolicy loaded(const std::string& policies) {
  Loaded loaded =
      load({.files = {
                {.name = "rules.yaml",
                 .text = rule("c2", "evt.type = connect and fd.sip = 1.2.3.4") +
                         rule("sh", "evt.type = mkdir")},
                {.name = "policies.yaml", .text = "policies:\n" + policies}}});
  EXPECT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  return *std::move(loaded.policy);
}

std::string policy(const std::string& name, const std::string& rest) {
  return "- name: " + name + "\n  rules: [c2, sh]\n" + rest;
}

Alert alert(std::uint64_t second, const std::string& rule_name,
            const std::string& policy_name = "p") {
  Alert alert;
  alert.hostname = "node";
  alert.time_ns = second * kSecond;
  alert.rule = rule_name;
  alert.source = "syscall";
  alert.policy = policy_name;
  alert.enforcement = rule_name == "c2" ? "kernel" : "observe";
  alert.verdict = rule_name == "c2" ? "denied" : "observed";
  alert.response = "kill";
  alert.outcome = "killed";
  alert.container = {.id = "c0ffee",
                     .name = "shop",
                     .image = "shop:1",
                     .pod = "",
                     .name_space = ""};
  return alert;
}

struct Replayed {
  std::vector<ReplayRow> rows;
  ReplaySummary summary;
};

Replayed replay(const CompiledPolicy& compiled, std::vector<Alert> alerts,
                const ResponseLimits& limits = {},
                std::vector<std::string> exempt = {}, bool only_names = false) {
  Replayed replayed;
  Replay replay({.policy = compiled,
                 .only_names = only_names,
                 .limits = limits,
                 .exempt = std::move(exempt)},
                [&](const ReplayRow& row) { replayed.rows.push_back(row); });
  for (Alert& one : alerts) replay.add({.alert = std::move(one), .fields = {}});
  replayed.summary = replay.finish();
  return replayed;
}

TEST(Replay, TellsWhatASofterPolicyWouldHaveDone) {
  const Replayed replayed =
      replay(loaded(policy("p", "  block: true\n  response: pause\n")),
             {alert(1, "c2")});
  ASSERT_EQ(replayed.rows.size(), 1U);
  const ReplayRow& row = replayed.rows[0];
  EXPECT_EQ(*row.before, (Said{"denied", "kill", "killed"}));
  EXPECT_EQ(*row.now, (Said{"denied", "pause", "paused"}));
  EXPECT_TRUE(row.differs());
  EXPECT_EQ(replayed.summary.responses.at("pause"), 1U);
  EXPECT_EQ(replayed.summary.workloads.at("shop:1").responses, 1U);
}

TEST(Replay, DoesNotCallDifferentWhatIsTheSame) {
  const Replayed replayed =
      replay(loaded(policy("p", "  block: true\n  response: kill\n")),
             {alert(1, "c2")});
  EXPECT_FALSE(replayed.rows.at(0).differs());
  EXPECT_EQ(replayed.summary.differing, 0U);
}

TEST(Replay, RefusesOnlyWhereTheRulesPlaceAllowsIt) {
  const CompiledPolicy monitor =
      loaded(policy("p", "  block: true\n  mode: monitor\n  response: kill\n"));
  EXPECT_EQ(*replay(monitor, {alert(1, "c2")}).rows.at(0).now,
            (Said{"would_deny", "kill", "would_kill"}));
  const CompiledPolicy open = loaded(policy("p", ""));
  EXPECT_EQ(replay(open, {alert(1, "c2")}).rows.at(0).now->verdict, "allowed");
  EXPECT_EQ(replay(open, {alert(1, "sh")}).rows.at(0).now->verdict, "observed");
  // No hook could judge that one.
  Alert observed = alert(1, "c2");
  observed.enforcement = "observe";
  EXPECT_EQ(replay(loaded(policy("p", "  block: true\n")), {observed})
                .rows.at(0)
                .now->verdict,
            "observed");
}

TEST(Replay, CarriesOutTheStrongestOfOneEventOnce) {
  const CompiledPolicy compiled = loaded(policy("p", "  response: pause\n") +
                                         policy("q", "  response: stop\n"));
  const Replayed replayed =
      replay(compiled, {alert(1, "c2", "p"), alert(1, "c2", "q")}, {.node = 1});
  ASSERT_EQ(replayed.rows.size(), 2U);
  EXPECT_EQ(replayed.rows[0].now->outcome, "superseded");
  EXPECT_EQ(replayed.rows[1].now->outcome, "stopping");
  EXPECT_EQ(replayed.summary.events, 1U);
  EXPECT_EQ(replayed.summary.alerts, 2U);
  EXPECT_EQ(replayed.summary.refused_by_budget, 0U);
}

TEST(Replay, TellsOfPoliciesThatWereAndThatAreNew) {
  const Replayed replayed =
      replay(loaded(policy("new", "  response: none\n")), {alert(1, "c2")});
  ASSERT_EQ(replayed.rows.size(), 2U);
  EXPECT_EQ(replayed.rows[0].policy, "p");
  EXPECT_FALSE(replayed.rows[0].now);
  EXPECT_EQ(replayed.rows[1].policy, "new");
  EXPECT_FALSE(replayed.rows[1].before);
  EXPECT_EQ(replayed.rows[1].now->outcome, "none");
}

TEST(Replay, LeavesOutContainersOutOfScope) {
  const Replayed replayed =
      replay(loaded(policy("p",
                           "  scope: container.name = other\n"
                           "  response: kill\n")),
             {alert(1, "c2")});
  EXPECT_FALSE(replayed.rows.at(0).now);
  EXPECT_EQ(replayed.rows.at(0).unknown, "");
  EXPECT_TRUE(replayed.summary.responses.empty());
}

TEST(Replay, KnowsThatAContainerWithoutAPodHasNone) {
  const CompiledPolicy compiled =
      loaded(policy("p", "  scope: k8s.ns.name = prod\n  response: kill\n"));
  EXPECT_EQ(replay(compiled, {alert(1, "c2")}).rows.at(0).unknown, "");
  // Falco told of a container that the service did not know.
  Alert falco = alert(1, "c2", "");
  falco.enforcement = "external";
  falco.container.name.clear();
  const Replayed replayed = replay(compiled, {falco});
  ASSERT_EQ(replayed.rows.size(), 2U);
  EXPECT_EQ(replayed.rows[1].unknown,
            "in scope or not: k8s.ns.name was not stored");
  EXPECT_EQ(replayed.summary.unknown, 1U);
}

TEST(Replay, NeverGuessesAFactThatWasNotStored) {
  const CompiledPolicy compiled = loaded(
      policy("p", "  scope: container.privileged = true\n  response: kill\n"));
  const Replayed unknown = replay(compiled, {alert(1, "c2")});
  EXPECT_EQ(unknown.rows.at(0).unknown,
            "in scope or not: container.privileged was not stored");
  EXPECT_TRUE(unknown.summary.responses.empty());
  Alert stored = alert(1, "c2");
  stored.output_fields.emplace_back("container.privileged", Value(true));
  EXPECT_EQ(replay(compiled, {stored}).rows.at(0).now->outcome, "killed");
}

TEST(Replay, RunsTheBudgetsByTheEventsOwnTimes) {
  const CompiledPolicy compiled = loaded(policy("p", "  response: kill\n"));
  std::vector<Alert> alerts;
  for (std::uint64_t i = 0; i < 4; ++i) {
    alerts.push_back(alert(100 + i, "c2"));
    alerts.back().container.id = "c" + std::to_string(i);
  }
  alerts.push_back(alert(100'000, "c2"));
  const Replayed replayed = replay(compiled, alerts, {.policy = 2});
  EXPECT_EQ(replayed.rows[1].now->outcome, "killed");
  EXPECT_EQ(replayed.rows[2].now->outcome, "over_budget");
  EXPECT_EQ(replayed.rows[3].now->outcome, "over_budget");
  EXPECT_EQ(replayed.rows[4].now->outcome, "killed");  // re-armed
  ASSERT_EQ(replayed.summary.exhausted.size(), 1U);
  EXPECT_EQ(replayed.summary.exhausted[0].over,
            (OverBudget{"policy", "p", 102 * kSecond}));
  EXPECT_EQ(replayed.summary.refused_by_budget, 2U);
  EXPECT_EQ(replayed.summary.workloads.at("shop:1").refused, 2U);
}

TEST(Replay, LeavesAloneWhoIsExempt) {
  const CompiledPolicy compiled = loaded(policy("p", "  response: kill\n"));
  EXPECT_EQ(replay(compiled, {alert(1, "c2")}, {}, {"id:c0f"})
                .rows.at(0)
                .now->outcome,
            "exempt");
  Alert pod = alert(1, "c2");
  pod.container.pod = "dns";
  pod.container.name_space = "kube-system";
  pod.container.pod_trusted = true;
  const std::vector<std::string> names = {"kube-system/*"};
  EXPECT_EQ(replay(compiled, {pod}, {}, names).rows.at(0).now->outcome,
            "exempt");
  // One that only calls itself so.
  pod.container.pod_trusted = false;
  EXPECT_EQ(replay(compiled, {pod}, {}, names).rows.at(0).now->outcome,
            "killed");
  // Whether it is what it says it is was not stored.
  pod.container.pod_trusted = std::nullopt;
  const Replayed replayed = replay(compiled, {pod}, {}, names);
  EXPECT_NE(replayed.rows.at(0).unknown, "");
  EXPECT_TRUE(replayed.summary.responses.empty());
}

TEST(Replay, TellsOfRulesThatAreLeftOver) {
  const Replayed replayed =
      replay(loaded("- name: p\n  rules: [sh]\n"),
             {alert(1, "c2"), alert(2, "gone"), alert(3, "gone")});
  const std::vector<std::pair<std::string, std::string>> never = {{"p", "sh"}};
  EXPECT_EQ(replayed.summary.never_fired, never);
  const std::map<std::string, std::uint64_t> unheld = {{"c2", 1}, {"gone", 2}};
  EXPECT_EQ(replayed.summary.unheld, unheld);
}

TEST(Replay, TakesWhereARuleIsDecidedFromTheEventsWithoutItsFile) {
  const CompiledPolicy compiled =
      loaded(policy("p", "  block: true\n  response: none\n"));
  EXPECT_EQ(
      replay(compiled, {alert(1, "c2")}, {}, {}, true).rows.at(0).now->verdict,
      "denied");
  EXPECT_EQ(replay(compiled, {alert(1, "sh")}, {}, {}, true).rows.at(0).unknown,
            "refused or not: that takes its rule file");
}

TEST(Replay, AnswersLostEventsAsTheirPolicySays) {
  Alert lost = alert(1, "Lost events", "");
  lost.source = "bailiff";
  lost.enforcement = "observe";
  lost.response = "none";
  lost.outcome = "none";
  lost.output_fields.emplace_back("bailiff.lost_cause",
                                  Value(std::string("itself")));
  const CompiledPolicy compiled = loaded(policy("p", "  on_loss: kill\n"));
  const Replayed replayed = replay(compiled, {lost});
  ASSERT_EQ(replayed.rows.size(), 2U);
  EXPECT_EQ(*replayed.rows[1].now, (Said{"observed", "kill", "killed"}));
  lost.output_fields.back().second = Value(std::string("other"));
  EXPECT_EQ(replay(compiled, {lost}).rows[1].now->outcome, "not_the_cause");
}

TEST(Replay, PassesOverWhatTheServiceTellsOfItself) {
  Alert operated = alert(1, "Operator response", "");
  operated.source = "bailiff";
  const Replayed replayed =
      replay(loaded(policy("p", "  response: kill\n")), {operated});
  EXPECT_TRUE(replayed.rows.empty());
  EXPECT_EQ(replayed.summary.about_service, 1U);
  EXPECT_EQ(replayed.summary.events, 0U);
}

TEST(Replay, JudgesTheConditionsOfFieldsAnew) {
  auto fields = std::make_shared<test::FakeEvent>();
  fields->with(FieldId::kEvtType, {std::string("mkdir")})
      .with(FieldId::kContainerFullId, {std::string("c0ffee")});
  const CompiledPolicy compiled = loaded(policy("p", "  response: kill\n"));
  Replayed replayed;
  Replay replay(
      {.policy = compiled, .only_names = false, .limits = {}, .exempt = {}},
      [&](const ReplayRow& row) { replayed.rows.push_back(row); });
  StoredEvent event;
  event.alert.time_ns = kSecond;
  event.alert.container.id = "c0ffee";
  event.fields = fields;
  replay.add(event);
  replayed.summary = replay.finish();
  ASSERT_EQ(replayed.rows.size(), 1U);
  EXPECT_EQ(replayed.rows[0].rule, "sh");
  EXPECT_FALSE(replayed.rows[0].before);
  EXPECT_EQ(replayed.rows[0].now->outcome, "killed");
  EXPECT_EQ(replayed.summary.evaluated, 1U);
}

}  // namespace
}  // namespace bailiff::sidecar
