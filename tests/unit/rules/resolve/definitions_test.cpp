// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/definitions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/resolve/exceptions.h"

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
  EXPECT_EQ(rule.priority, Priority::kError);
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

TEST(Merge, ReplacingAListOrMacroDefinesIt) {
  const Merged result = merged(
      "- {list: l, items: [a], override: {items: replace}}\n"
      "- {macro: m, condition: a, override: {condition: replace}}\n"
      "- {list: l, items: [b], override: {items: replace}}\n");
  EXPECT_EQ(result.messages, Messages{});
  ASSERT_EQ(result.definitions.lists.size(), 1U);
  ASSERT_EQ(result.definitions.lists[0].items.size(), 1U);
  EXPECT_EQ(result.definitions.lists[0].items.text(0), "b");
  EXPECT_LT(result.definitions.lists[0].defined,
            result.definitions.lists[0].changed);
  EXPECT_EQ(result.definitions.macros.size(), 1U);
}

TEST(Merge, TrimsTheOutputItAppendsTo) {
  const Merged result = merged(
      "- rule: r\n  desc: d\n  condition: a\n  output: |\n    o\n\n"
      "  priority: INFO\n"
      "- {rule: r, output: p, override: {output: append}}\n");
  EXPECT_EQ(result.definitions.rules[0].output.text(), "o p");
}

TEST(Merge, RefusesToChangeWhatIsNotThere) {
  EXPECT_EQ(
      merged("- {list: l, items: [a], append: true}\n"
             "- {macro: m, condition: a, override: {condition: append}}\n"
             "- {rule: r, enabled: true}\n"
             "- {rule: r, condition: a, append: true}\n"
             "- {rule: r, desc: a, override: {desc: replace}}\n"
             "- {rule: r, desc: a, tags: [t], override: {desc: replace, tags: "
             "append}}\n")
          .messages,
      (Messages{"list 'l' appends to a list that no file defines before it",
                "macro 'm' appends to a macro that no file defines before it",
                "rule 'r' overrides a rule that no file defines before it",
                "rule 'r' appends to a rule that no file defines before it",
                "rule 'r' overrides a rule that no file defines before it",
                "rule 'r' appends to a rule that no file defines before it"}));
}

TEST(Merge, DoesNotBlameWhatChangesABrokenItem) {
  EXPECT_EQ(
      merged("- {list: l}\n- {list: l, items: [a], append: true}\n").messages,
      Messages{"item has no key 'items'"});
}

TEST(Merge, AnAppendedRuleNeedsSomethingToAppend) {
  const Merged result =
      merged(kRule + "- {rule: r, tags: [y], append: true}\n");
  EXPECT_EQ(result.messages,
            Messages{"appended rule has neither 'condition' nor 'exceptions'"});
  EXPECT_TRUE(result.definitions.rules[0].broken);
  EXPECT_EQ(result.definitions.rules[0].tags.size(), 1U);
}

TEST(Merge, RefusesAnotherSource) {
  const auto rule = [](const std::string& more) {
    return "- {rule: r, desc: d, condition: a, output: o, priority: INFO" +
           more + "}\n";
  };
  const std::string kubernetes = rule(", source: k8s_audit");
  EXPECT_EQ(merged(rule(", source: syscall") + kubernetes).messages,
            Messages{"rule 'r' is defined again with source 'k8s_audit', "
                     "before it was 'syscall'"});
  // What says nothing is about system calls.
  EXPECT_EQ(merged(kubernetes + rule("")).messages.size(), 1U);
  EXPECT_EQ(merged(rule("") + kubernetes).messages.size(), 1U);
  EXPECT_EQ(merged(rule("") + rule(", source: syscall")).messages, Messages{});
  EXPECT_EQ(merged(kubernetes + kubernetes).messages, Messages{});
}

TEST(Merge, AChangeWithoutASourceKeepsIt) {
  const std::string kubernetes =
      "- {rule: r, desc: d, condition: a, output: o, priority: INFO, source: "
      "k8s_audit}\n";
  EXPECT_EQ(merged(kubernetes + "- {rule: r, condition: or b, append: true}\n")
                .messages,
            Messages{});
  EXPECT_EQ(merged(kubernetes +
                   "- {rule: r, condition: or b, source: syscall, append: "
                   "true}\n")
                .messages.size(),
            1U);
  // Falco looks at the source beside a condition only.
  EXPECT_EQ(merged(kubernetes +
                   "- {rule: r, desc: e, source: syscall, override: {desc: "
                   "replace}}\n")
                .messages,
            Messages{});
}

const std::string kExcepted =
    kRule + "  exceptions: [{name: x, fields: [proc.name], values: [[a]]}]\n";

TEST(Merge, AppendsValuesToTheExceptionOfThatName) {
  const Merged result =
      merged(kExcepted +
             "- {rule: r, exceptions: [{name: x, values: [[b], [c]]}], "
             "override: {exceptions: append}}\n");
  EXPECT_EQ(result.messages, Messages{});
  ASSERT_EQ(result.definitions.rules[0].exceptions.size(), 1U);
  EXPECT_EQ(result.definitions.rules[0].exceptions[0].values.size(), 3U);
}

TEST(Merge, AppendsExceptionsOfOtherNames) {
  const Merged result =
      merged(kExcepted +
             "- {rule: r, exceptions: [{name: y, fields: fd.name, values: "
             "[b]}], append: true}\n");
  EXPECT_EQ(result.messages, Messages{});
  EXPECT_EQ(result.definitions.rules[0].exceptions.size(), 2U);
}

TEST(Merge, ReplacesExceptions) {
  const Merged result =
      merged(kExcepted +
             "- {rule: r, exceptions: [{name: y, fields: [fd.name], "
             "values: [[b]]}], override: {exceptions: replace}}\n");
  EXPECT_EQ(result.messages, Messages{});
  const auto& exceptions = result.definitions.rules[0].exceptions;
  ASSERT_EQ(exceptions.size(), 1U);
  EXPECT_EQ(exceptions[0].name.text, "y");
  EXPECT_EQ(exceptions[0].comps.entries[0].text, "=");
}

TEST(Merge, RefusesToAppendAnythingButValues) {
  const auto appended = [](const std::string& exception) {
    return merged(kExcepted + "- {rule: r, exceptions: [" + exception +
                  "], override: {exceptions: append}}\n")
        .messages;
  };
  EXPECT_EQ(appended("{name: x, fields: [fd.name], comps: [in], values: [a]}"),
            (Messages{"'fields' of exception 'x' cannot be appended to, only "
                      "'values' can",
                      "'comps' of exception 'x' cannot be appended to, only "
                      "'values' can"}));
  EXPECT_EQ(appended("{name: y, values: [a]}"),
            Messages{"exception 'y' has no 'fields' to compare"});
  EXPECT_EQ(appended("{name: y, fields: fd.name, values: []}"),
            Messages{"exception 'y' is appended without 'values'"});
}

TEST(Merge, RefusesExceptionsWithoutFields) {
  for (const std::string fields : {"[]", "~", "{a: b}"}) {
    EXPECT_EQ(
        merged(kRule + "  exceptions: [{name: x, fields: " + fields + "}]\n")
            .messages,
        Messages{"exception 'x' has no 'fields' to compare"});
  }
}

TEST(Merge, BoundsTheExceptionsOfARule) {
  std::string text = kRule + "  exceptions:\n";
  for (std::size_t i = 0; i <= kMaxExceptions; ++i) {
    text += "  - {name: x" + std::to_string(i) + ", fields: proc.name}\n";
  }
  EXPECT_EQ(merged(text).messages,
            Messages{"more than 1000 exceptions of a rule"});
}

}  // namespace
}  // namespace bailiff
