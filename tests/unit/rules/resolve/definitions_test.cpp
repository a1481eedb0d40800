// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/definitions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

struct Merged {
  Definitions definitions;
  std::vector<std::string> messages;
};

Merged merged(const std::string& text) {
  Diagnostics diagnostics;
  const auto stream = yaml::parse(text, 0, diagnostics);
  Merged result;
  if (stream) {
    result.definitions =
        merge(read_rule_file(*stream, diagnostics), diagnostics);
  }
  for (const Diagnostic& d : diagnostics.all()) {
    if (d.severity == Severity::kError) result.messages.push_back(d.message);
  }
  return result;
}

using Messages = std::vector<std::string>;

const std::string kRule =
    "- rule: r\n  desc: d\n  condition: a or b\n  output: o\n"
    "  priority: INFO\n  tags: [x]\n";

TEST(Merge, AppendsTextWithoutParentheses) {
  const Merged result =
      merged(kRule +
             "- rule: r\n  condition: and c\n  tags: [y]\n  output: p\n"
             "  override: {condition: append, tags: append, output: append}\n");
  EXPECT_EQ(result.messages, Messages{});
  ASSERT_EQ(result.definitions.rules.size(), 1U);
  const RawRule& rule = result.definitions.rules[0];
  EXPECT_EQ(rule.condition.text(), "a or b and c");
  EXPECT_EQ(rule.output.text(), "o p");
  EXPECT_EQ(rule.tags.size(), 2U);
}

TEST(Merge, ReplacesOnlyWhatIsNamed) {
  const Merged result =
      merged(kRule +
             "- rule: r\n  priority: ERROR\n  tags: [y]\n"
             "  override: {priority: replace, tags: replace}\n");
  EXPECT_EQ(result.messages, Messages{});
  const RawRule& rule = result.definitions.rules[0];
  EXPECT_EQ(rule.priority.text, "ERROR");
  EXPECT_EQ(rule.condition.text(), "a or b");
  ASSERT_EQ(rule.tags.size(), 1U);
  EXPECT_EQ(rule.tags[0].text, "y");
}

TEST(Merge, RedefinitionKeepsTheFirstPosition) {
  const std::string other =
      "- rule: s\n  desc: d\n  condition: c\n  output: o\n"
      "  priority: INFO\n";
  const Merged result = merged(kRule + other +
                               "- rule: r\n  desc: e\n  condition: c\n"
                               "  output: q\n  priority: INFO\n");
  ASSERT_EQ(result.definitions.rules.size(), 2U);
  EXPECT_EQ(result.definitions.rules[0].name.text, "r");
  EXPECT_EQ(result.definitions.rules[0].condition.text(), "c");
  EXPECT_TRUE(result.definitions.rules[0].tags.empty());
}

TEST(Merge, AppendsToListsAndMacros) {
  const Merged result = merged(
      "- {list: l, items: [a]}\n- {list: l, items: [b], append: true}\n"
      "- {macro: m, condition: a}\n"
      "- {macro: m, condition: or b, override: {condition: append}}\n"
      "- {list: l, items: [c], override: {items: append}}\n");
  EXPECT_EQ(result.messages, Messages{});
  EXPECT_EQ(result.definitions.lists[0].items.size(), 3U);
  EXPECT_EQ(result.definitions.macros[0].condition.text(), "a or b");
  EXPECT_LT(result.definitions.macros[0].defined,
            result.definitions.macros[0].changed);
}

TEST(Merge, SwitchesEarlierRules) {
  EXPECT_FALSE(merged(kRule + "- {rule: r, enabled: false}\n")
                   .definitions.rules[0]
                   .enabled);
  EXPECT_FALSE(merged(kRule + "- {rule: r, enabled: false, override: "
                              "{enabled: replace}}\n")
                   .definitions.rules[0]
                   .enabled);
  EXPECT_TRUE(merged(kRule + "- {rule: r, enabled: false, condition: or c, "
                             "append: true}\n")
                  .definitions.rules[0]
                  .enabled);
}

TEST(Merge, RefusesToChangeWhatIsNotThere) {
  EXPECT_EQ(
      merged("- {list: l, items: [a], append: true}\n"
             "- {macro: m, condition: a, override: {condition: replace}}\n"
             "- {rule: r, enabled: true}\n"
             "- {rule: r, condition: a, append: true}\n")
          .messages,
      (Messages{"list 'l' appends to a list that no file defines before it",
                "macro 'm' overrides a macro that no file defines before it",
                "rule 'r' overrides a rule that no file defines before it",
                "rule 'r' appends to a rule that no file defines before it"}));
}

TEST(Merge, DoesNotBlameWhatChangesABrokenItem) {
  EXPECT_EQ(
      merged("- {list: l}\n- {list: l, items: [a], append: true}\n").messages,
      Messages{"item has no key 'items'"});
}

TEST(Merge, RefusesAnotherSource) {
  const auto rule = [](const std::string& source) {
    return "- {rule: r, desc: d, condition: a, output: o, priority: INFO, "
           "source: " +
           source + "}\n";
  };
  EXPECT_EQ(merged(rule("syscall") + rule("k8s_audit")).messages.size(), 1U);
  EXPECT_EQ(merged(rule("syscall") + rule("syscall")).messages, Messages{});
}

}  // namespace
}  // namespace bailiff
