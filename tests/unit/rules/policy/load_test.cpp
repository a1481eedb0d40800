// SPDX-License-Identifier: Apache-2.0
#include "rules/policy/load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace bailiff {
namespace {

Loaded load_texts(const std::vector<std::string>& texts) {
  LoadInput input;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    input.files.push_back(
        {.name = "f" + std::to_string(i) + ".yaml", .text = texts[i]});
  }
  return load(std::move(input));
}

// What the user sees of one text.
std::string seen(const std::string& text) {
  const Loaded loaded = load_texts({text});
  EXPECT_EQ(loaded.policy.has_value(), !loaded.diagnostics.has_errors());
  return render(loaded.diagnostics, loaded.sources);
}

std::string rule(const std::string& name, const std::string& condition,
                 const std::string& more = "") {
  return "- rule: " + name + "\n  desc: d\n  condition: " + condition +
         "\n  output: o\n  priority: WARNING\n" + more;
}

TEST(Load, TellsTheItemThereIsNoMemoryFor) {
  LoadInput input;
  input.files = {{.name = "a.yaml",
                  .text = "- list: one\n  items: [a, b]\n"
                          "- list: two\n  items:\n  - c\n  - d\n"}};
  for (const auto& [most, policy] : {std::pair(4, true), {3, false}}) {
    input.most_items = static_cast<std::size_t>(most);
    const Loaded loaded = load(input);
    EXPECT_EQ(loaded.policy.has_value(), policy);
    if (policy) continue;
    EXPECT_EQ(
        render(loaded.diagnostics, loaded.sources),
        "a.yaml:6:5: error: not enough memory for the lists: there is room for "
        "3 items, and 'd' is one more, in list 'two' [LOAD_ERR_VALIDATE]\n"
        "    6 |   - d\n      |     ^\n"
        "hint: raise the memory limit of the service, or shorten the lists\n");
  }
}

TEST(Load, MakesACompiledPolicy) {
  const Loaded loaded = load_texts(
      {"- list: c2\n  items: [203.0.113.66]\n" +
           rule("r", "evt.type = connect and fd.sip in (c2)",
                "  tags: [b, a, b]\n"),
       "policies:\n- name: p\n  rules: [r]\n  block: true\n  response: "
       "kill\n  on_loss: pause\n  scope: container.name = shop\n  notify: "
       "[]\n"});
  ASSERT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  EXPECT_TRUE(loaded.diagnostics.all().empty());
  const CompiledPolicy& policy = *loaded.policy;
  ASSERT_EQ(policy.lists.size(), 1U);
  EXPECT_EQ(policy.lists[0].items, std::vector<std::string>{"203.0.113.66"});
  ASSERT_EQ(policy.rules.size(), 1U);
  EXPECT_EQ(to_string(policy.rules[0].condition, {"c2"}),
            "evt.type = connect and fd.sip in (c2)");
  EXPECT_EQ(policy.rules[0].tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(policy.rules[0].source, "syscall");
  ASSERT_EQ(policy.policies.size(), 1U);
  EXPECT_EQ(policy.policies[0].rules, std::vector<std::uint32_t>{0});
  EXPECT_TRUE(policy.policies[0].block);
  EXPECT_EQ(policy.policies[0].response, Response::kKill);
  EXPECT_EQ(policy.policies[0].on_loss, Response::kPause);
  EXPECT_TRUE(policy.policies[0].scope);
  EXPECT_TRUE(policy.policies[0].notify->empty());
  const auto decoded = decode(encode(policy));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, policy);
}

TEST(Load, PutsTheCaretUnderTheMistakeInALiteralBlock) {
  EXPECT_EQ(seen("- rule: r\n"
                 "  desc: d\n"
                 "  condition: |\n"
                 "    evt.type = connect\n"
                 "    and fd.sipp = 1.2.3.4\n"
                 "  output: o\n"
                 "  priority: WARNING\n"),
            "f0.yaml:5:9: error: unknown field 'fd.sipp', in rule 'r' "
            "[LOAD_ERR_COMPILE_CONDITION]\n"
            "    5 |     and fd.sipp = 1.2.3.4\n"
            "      |         ^~~~~~~\n"
            "hint: did you mean 'fd.sip'?\n");
}

TEST(Load, PutsTheCaretUnderTheMistakeInAQuotedScalar) {
  EXPECT_EQ(seen(rule("r",
                      "\"evt.type = connect and\n"
                      "    user.uid = \\\"root\\\"\"")),
            "f0.yaml:4:16: error: 'root' is not a decimal number, in rule 'r' "
            "[LOAD_ERR_COMPILE_CONDITION]\n"
            "    4 |     user.uid = \\\"root\\\"\"\n"
            "      |                ^~~~~~~\n");
}

TEST(Load, PutsTheCaretUnderTheItemOfAList) {
  EXPECT_EQ(seen("- list: c2\n  items:\n  - \"\\\"1.2.3.4\\\"\"\n"
                 "  - \"\\\"1.2.3\\\"\"\n" +
                 rule("r", "evt.type = connect and fd.sip in (c2)")),
            "f0.yaml:4:6: error: '1.2.3' is not an IP address, in list 'c2' "
            "used for 'fd.sip', in rule 'r' [LOAD_ERR_COMPILE_CONDITION]\n"
            "    4 |   - \"\\\"1.2.3\\\"\"\n"
            "      |      ^~~~~~~~\n");
}

TEST(Load, PutsTheCaretInTheTextThatWasAppended) {
  EXPECT_EQ(seen(rule("r", "evt.type = connect") +
                 "- rule: r\n  condition: and fd.sipp exists\n"
                 "  override: {condition: append}\n"),
            "f0.yaml:7:18: error: unknown field 'fd.sipp', in rule 'r' "
            "[LOAD_ERR_COMPILE_CONDITION]\n"
            "    7 |   condition: and fd.sipp exists\n"
            "      |                  ^~~~~~~\n"
            "hint: did you mean 'fd.sip'?\n");
}

TEST(Load, ReportsAMistakeInAMacroOnce) {
  const Loaded loaded =
      load_texts({"- macro: m\n  condition: fd.sipp exists\n" +
                  rule("r", "evt.type = connect and m") +
                  rule("s", "evt.type = connect and m")});
  EXPECT_EQ(loaded.diagnostics.all().size(), 1U);
}

TEST(Load, ReportsEveryIndependentMistakeOfAllFiles) {
  const Loaded loaded = load_texts(
      {rule("a", "fd.sipp exists") + rule("b", "nope") +
           rule("c", "evt.type = connect", "  output: '%nope'\n") +
           "- list: l\n",
       "- [", "policies:\n- name: p\n  rules: [nope, a, b]\n  mode: x\n",
       "policies:\n- name: q\n  rules: [nope]\n"});
  std::vector<std::string> messages;
  for (const Diagnostic& d : loaded.diagnostics.all()) {
    if (d.severity == Severity::kError) messages.push_back(d.message);
  }
  EXPECT_EQ(messages, (std::vector<std::string>{
                          "item has no key 'items'",
                          "end of sequence flow not found",
                          "'mode' must be enforce or monitor, not 'x'",
                          "unknown field 'fd.sipp'",
                          "unknown macro 'nope'",
                          "unknown rule 'nope'",
                      }));
}

TEST(Load, RefusesUnknownRuleOfAPolicyWithSuggestion) {
  const Loaded loaded =
      load_texts({rule("Launch container", "evt.type = container"),
                  "policies:\n- name: p\n  rules: [Lunch container]\n"});
  EXPECT_EQ(render(loaded.diagnostics, loaded.sources),
            "f1.yaml:3:11: error: unknown rule 'Lunch container', in policy "
            "'p' [LOAD_ERR_VALIDATE]\n"
            "    3 |   rules: [Lunch container]\n"
            "      |           ^~~~~~~~~~~~~~~\n"
            "hint: did you mean 'Launch container'?\n");
}

TEST(Load, RefusesScopesOnWhatIsNotOfTheContainer) {
  const Loaded loaded =
      load_texts({rule("r", "evt.type = connect"),
                  "policies:\n- name: p\n  rules: [r]\n"
                  "  scope: k8s.ns.name = a and not proc.name = b\n"});
  ASSERT_EQ(loaded.diagnostics.all().size(), 1U);
  EXPECT_EQ(loaded.diagnostics.all()[0].message,
            "a scope cannot depend on 'proc.name'");
}

TEST(Load, RefusesTwoPoliciesOfOneName) {
  EXPECT_TRUE(load_texts({rule("r", "evt.type = connect"),
                          "policies:\n- {name: p, rules: [r]}\n"
                          "- {name: p, rules: [r]}\n"})
                  .diagnostics.has_errors());
}

TEST(Load, LeavesOutRulesOfOtherSourcesWithAWarning) {
  const Loaded loaded =
      load_texts({rule("r", "ka.verb = create", "  source: k8s_audit\n")});
  ASSERT_TRUE(loaded.policy);
  EXPECT_TRUE(loaded.policy->rules.empty());
  EXPECT_EQ(loaded.diagnostics.all()[0].code, "LOAD_UNKNOWN_SOURCE");
}

TEST(Load, LeavesOutRulesThatAskForItWhenAFieldIsUnknown) {
  const Loaded loaded =
      load_texts({rule("r", "evt.type = connect and some.field = 1",
                       "  skip-if-unknown-filter: true\n")});
  ASSERT_TRUE(loaded.policy);
  EXPECT_TRUE(loaded.policy->rules.empty());
  ASSERT_EQ(loaded.diagnostics.all().size(), 1U);
  EXPECT_EQ(loaded.diagnostics.all()[0].code, "LOAD_UNKNOWN_FILTER");
}

TEST(Load, WarnsOfRulesWithoutEventType) {
  const auto codes = [](const std::string& text) {
    std::vector<std::string> all;
    const Loaded loaded = load_texts({text});
    EXPECT_TRUE(loaded.policy);
    for (const Diagnostic& d : loaded.diagnostics.all()) all.push_back(d.code);
    return all;
  };
  using Codes = std::vector<std::string>;
  EXPECT_EQ(codes(rule("r", "proc.name = a")), Codes{"LOAD_NO_EVTTYPE"});
  EXPECT_EQ(codes(rule("r", "proc.name = a", "  warn_evttypes: false\n")),
            Codes{});
  EXPECT_EQ(codes(rule("r", "(evt.num=0)")), Codes{});
}

TEST(Load, WarnsOfUnusedMacrosAndLists) {
  const Loaded loaded =
      load_texts({"- {list: idle, items: [a]}\n- {list: inner, items: [a]}\n"
                  "- {list: outer, items: [inner]}\n"
                  "- {macro: m, condition: proc.name in (outer)}\n" +
                  rule("r", "evt.type = connect")});
  std::vector<std::string> messages;
  for (const Diagnostic& d : loaded.diagnostics.all()) {
    messages.push_back(d.code + " " + d.message);
  }
  EXPECT_EQ(messages, (std::vector<std::string>{
                          "LOAD_UNUSED_MACRO macro 'm' is not used",
                          "LOAD_UNUSED_LIST list 'idle' is not used"}));
}

TEST(Load, KeepsRulesThatAreNotEnabledOutOfPolicies) {
  const Loaded loaded =
      load_texts({rule("r", "evt.type = connect", "  enabled: false\n") +
                      rule("s", "evt.type = connect"),
                  "policies:\n- {name: p, rules: ['*']}\n"});
  ASSERT_TRUE(loaded.policy);
  EXPECT_EQ(loaded.policy->policies[0].rules, std::vector<std::uint32_t>{1});
}

TEST(Load, KeepsTheFailureChoice) {
  EXPECT_EQ(load({}).policy->on_failure, OnError::kDeny);
  EXPECT_EQ(
      load({.files = {}, .on_failure = OnError::kAllow}).policy->on_failure,
      OnError::kAllow);
}

std::string log4j_rules() {
  // The tests run in the repository's root.
  std::ifstream file("../shared/data/log4j.rules.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Load, TakesTheVendorsLog4jRules) {
  const std::string rules = log4j_rules();
  if (rules.empty()) {
    std::cout << "../shared/data/log4j.rules.yaml is not there: nothing to "
                 "load\n";
    return;
  }
  const Loaded loaded = load_texts(
      {rules,
       "policies:\n"
       "  - name: Block log4j Post-Exploitation\n"
       "    scope: container.image.repository endswith \"/shop\"\n"
       "    rules: [\"Malicious C2 IPs or domains exploiting log4j\"]\n"
       "    mode: enforce\n"
       "    block: true\n"
       "    response: kill\n"
       "    grace: 10s\n"
       "    pause_limit: 1h\n"
       "    pause_then: kill\n"
       "    notify: [soc, oncall]\n"
       "  - name: Log4J IoC\n"
       "    rules: [\"Malicious C2 IPs or domains exploiting log4j\", "
       "\"Launch new container\"]\n"
       "    response: none\n"});
  ASSERT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  for (const Diagnostic& d : loaded.diagnostics.all()) {
    EXPECT_EQ(d.code, "LOAD_DEPRECATED_ITEM") << d.message;
  }
  EXPECT_EQ(
      loaded.policy->lists[0].items,
      (std::vector<std::string>{"5.255.97.172", "18.228.7.109", "31.6.19.41"}));
  EXPECT_EQ(loaded.policy->policies[1].rules,
            (std::vector<std::uint32_t>{0, 1}));
}

TEST(Load, AppendsToTheOutputsOfRules) {
  LoadInput input;
  input.files = {{.name = "f.yaml", .text = rule("r", "evt.type = connect")}};
  input.append_output = {
      {.rule = "other", .extra_output = "no"},
      {.source = "syscall",
       .rule = "r",
       .extra_output = "on=%evt.hostname",
       .extra_fields = {{.name = "proc.pid", .output = "%proc.pid"},
                        {.name = "who",
                         .output = "%user.uid!",
                         .formatted = true}}},
      {.suggested_output = true},
  };
  const Loaded loaded = load(std::move(input));
  ASSERT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  const Rule& only = loaded.policy->rules[0];
  EXPECT_EQ(only.output, "o on=%evt.hostname " + std::string(kSuggestedOutput));
  EXPECT_EQ(only.extra_fields.size(), 2U);
  const auto decoded = decode(encode(*loaded.policy));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, *loaded.policy);
}

TEST(Load, RefusesWhatCannotBeAppended) {
  LoadInput input;
  input.append_output = {{.extra_output = "%nosuch.field"}};
  const Loaded loaded = load(std::move(input));
  EXPECT_EQ(render(loaded.diagnostics, loaded.sources),
            "error: unknown field 'nosuch.field' in output '%nosuch.field' of "
            "'append_output' [LOAD_ERR_COMPILE_OUTPUT]\n");
}

}  // namespace
}  // namespace bailiff
