// SPDX-License-Identifier: Apache-2.0
#include "rules/policy/policies.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>
#include <vector>

namespace bailiff {
namespace {

TEST(Glob, MatchesWholeText) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("Launch *", "Launch new container"));
  EXPECT_TRUE(matches_glob("*C2*", "Malicious C2 IPs"));
  EXPECT_TRUE(matches_glob("a?c", "abc"));
  EXPECT_TRUE(matches_glob("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches_glob("Launch", "Launch new container"));
  EXPECT_FALSE(matches_glob("a?c", "ac"));
  EXPECT_FALSE(matches_glob("*b", "abc"));
  EXPECT_FALSE(
      matches_glob(std::string(50, '*') + "b", std::string(5000, 'a')));
}

class SelectTest : public ::testing::Test {
 protected:
  SelectTest() {
    add("Outbound C2", Priority::kWarning, {"network"}, true);
    add("Launch container", Priority::kNotice, {"container"}, true);
    add("Launch shell", Priority::kCritical, {"container", "shell"}, false);
  }

  void add(const char* name, Priority priority, std::vector<std::string> tags,
           bool enabled) {
    Rule rule;
    rule.name = name;
    rule.priority = priority;
    rule.tags = std::move(tags);
    rule.enabled = enabled;
    rules_.push_back(std::move(rule));
  }

  RuleSelector named(const char* pattern) {
    RuleSelector selector;
    selector.pattern = PlacedText{.text = pattern, .span = {}};
    return selector;
  }
  RuleSelector with_priority(const char* text) {
    RuleSelector selector;
    selector.priority = PlacedText{.text = text, .span = {}};
    return selector;
  }
  RuleSelector tagged(const char* tag) {
    RuleSelector selector;
    selector.tags = {PlacedText{.text = tag, .span = {}}};
    return selector;
  }

  std::vector<std::uint32_t> select(std::vector<RuleSelector> selectors) {
    PolicyItem policy;
    policy.rules = std::move(selectors);
    Diagnostics diagnostics;
    const auto selected = select_rules(
        policy, {.rules = rules_, .left_out = left_out_}, diagnostics);
    messages_.clear();
    for (const Diagnostic& d : diagnostics.all()) {
      messages_.push_back((d.severity == Severity::kError ? "error: " : "") +
                          d.message + (d.hint.empty() ? "" : "; " + d.hint));
    }
    return selected;
  }

  std::vector<Rule> rules_;
  std::unordered_set<std::string> left_out_;
  std::vector<std::string> messages_;
};

using Indices = std::vector<std::uint32_t>;
using Messages = std::vector<std::string>;

TEST_F(SelectTest, SelectsByNameAndPattern) {
  EXPECT_EQ(select({named("Launch container"), named("Outbound C2")}),
            (Indices{0, 1}));
  EXPECT_EQ(select({named("Launch *"), named("Launch container")}),
            (Indices{1}));
  EXPECT_EQ(messages_, Messages{});
}

TEST_F(SelectTest, SelectsByTagsAndPriority) {
  EXPECT_EQ(select({tagged("network")}), (Indices{0}));
  EXPECT_EQ(select({with_priority(">=WARNING")}), (Indices{0}));
  EXPECT_EQ(select({with_priority("<warning")}), (Indices{1}));
  EXPECT_EQ(select({with_priority("notice")}), (Indices{1}));
  RuleSelector both = with_priority(">= Notice");
  both.tags = {PlacedText{.text = "container", .span = {}}};
  EXPECT_EQ(select({both}), (Indices{1}));
}

TEST_F(SelectTest, WarnsOfRulesThatAreNotEnabled) {
  EXPECT_EQ(select({named("Launch shell")}), Indices{});
  EXPECT_EQ(messages_, Messages{"rule 'Launch shell' is not enabled: the "
                                "policy does nothing for it"});
}

TEST_F(SelectTest, RefusesSelectorsThatMeanNothing) {
  select({named("Outbond C2"), named("Inbound *"), tagged("netwrk"),
          with_priority("loud"), with_priority(">emergency")});
  EXPECT_EQ(messages_,
            (Messages{"error: unknown rule 'Outbond C2'; did you mean "
                      "'Outbound C2'?",
                      "error: no rule matches 'Inbound *'",
                      "error: no rule has the tag 'netwrk'; did you mean "
                      "'network'?",
                      "error: 'loud' is no priority; write a priority with "
                      ">=, >, <=, < or nothing before it, such as "
                      "\">=WARNING\"",
                      "no rule has these tags and this priority"}));
}

TEST_F(SelectTest, DoesNotBlameNamesOfRulesThatWereLeftOut) {
  left_out_ = {"Broken rule"};
  select({named("Broken rule"), named("Broken *"), tagged("its_tag")});
  EXPECT_EQ(messages_, Messages{"no rule has these tags and this priority"});
}

}  // namespace
}  // namespace bailiff
