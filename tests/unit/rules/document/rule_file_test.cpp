// SPDX-License-Identifier: Apache-2.0
#include "rules/document/rule_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

struct Read {
  std::vector<RuleFileItem> items;
  std::vector<std::string> messages;  // "CODE message"
};

Read read(const std::string& text) {
  Read result;
  Diagnostics diagnostics;
  const auto stream = yaml::parse(text, 0, diagnostics);
  if (stream) result.items = read_rule_file(*stream, diagnostics);
  for (const Diagnostic& d : diagnostics.all()) {
    result.messages.push_back(d.code + " " + d.message);
  }
  return result;
}

using Messages = std::vector<std::string>;

TEST(RuleFile, ReadsListsMacrosAndRules) {
  const Read file = read(R"(
- list: l
  items: [a, "\"b\""]
- macro: m
  condition: evt.type = connect
---
- rule: r
  desc: d
  condition: m
  output: o
  priority: WARNING
  tags: [x]
  source: syscall
  enabled: false
  exceptions: []
)");
  EXPECT_EQ(file.messages, Messages{});
  ASSERT_EQ(file.items.size(), 3U);
  const auto& list = std::get<ListItem>(file.items[0]);
  EXPECT_EQ(list.items.value[1].text, "\"b\"");
  EXPECT_EQ(std::get<MacroItem>(file.items[1]).condition.value.text(),
            "evt.type = connect");
  const auto& rule = std::get<RuleItem>(file.items[2]);
  EXPECT_EQ(rule.name.text, "r");
  EXPECT_FALSE(rule.enabled->value);
  EXPECT_EQ(rule.tags->value[0].text, "x");
  EXPECT_EQ(rule.change, Change::kDefine);
}

TEST(RuleFile, RefusesOtherShapes) {
  EXPECT_EQ(read("a: b").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE rules content must be a sequence "
                     "of items"});
  EXPECT_EQ(read("- x").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE an item must be a mapping, not a "
                     "scalar"});
  EXPECT_EQ(read("- {x: y}").messages,
            Messages{"LOAD_UNKNOWN_ITEM unknown item, ignored"});
  EXPECT_EQ(read("- \n- ~\n").messages, Messages{});
  EXPECT_EQ(read("").messages, Messages{});
}

TEST(RuleFile, ReportsEveryMissingKeyAndGoesOn) {
  const Read file = read("- rule: r\n  desc: d\n- list: l\n- macro: m\n");
  EXPECT_EQ(file.messages,
            (Messages{"LOAD_ERR_YAML_VALIDATE item has no key 'condition'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'output'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'priority'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'items'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'condition'"}));
  ASSERT_EQ(file.items.size(), 3U);
  EXPECT_TRUE(std::get<RuleItem>(file.items[0]).broken);
  EXPECT_EQ(std::get<BrokenItem>(file.items[1]).name, "l");
}

TEST(RuleFile, WarnsOfUnknownKeys) {
  EXPECT_EQ(read("- list: l\n  items: []\n  itmes: []\n").messages,
            Messages{"LOAD_UNKNOWN_KEY unknown key 'itmes', ignored"});
}

TEST(RuleFile, RefusesExceptionsThatAreGiven) {
  EXPECT_EQ(
      read("- rule: r\n  desc: d\n  condition: m\n  output: o\n"
           "  priority: INFO\n  exceptions: [{name: x}]\n")
          .messages,
      Messages{"LOAD_ERR_YAML_VALIDATE rule exceptions are not available in "
               "this version"});
}

TEST(RuleFile, ReadsOverrides) {
  const Read file = read(
      "- rule: r\n  condition: and x\n  tags: [t]\n  enabled: true\n"
      "  override: {condition: append, tags: append, enabled: replace}\n"
      "- list: l\n  items: [a]\n  override: {items: append}\n");
  EXPECT_EQ(file.messages, Messages{});
  const auto& rule = std::get<RuleItem>(file.items[0]);
  EXPECT_EQ(rule.change, Change::kReplace);
  EXPECT_EQ(rule.condition->change, Change::kAppend);
  EXPECT_EQ(rule.enabled->change, Change::kReplace);
  EXPECT_EQ(std::get<ListItem>(file.items[1]).items.change, Change::kAppend);
}

TEST(RuleFile, RefusesOverridesThatMakeNoSense) {
  const auto override_of = [](const std::string& rest) {
    return read("- rule: r\n  condition: m\n" + rest).messages;
  };
  EXPECT_EQ(override_of("  priority: INFO\n  override: {priority: append, "
                        "condition: append}\n"),
            (Messages{"LOAD_ERR_YAML_VALIDATE key 'priority' cannot be "
                      "appended to",
                      "LOAD_ERR_YAML_VALIDATE unexpected key 'priority': "
                      "'override' does not name it"}));
  EXPECT_EQ(override_of("  override: {output: append, condition: append}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE 'override' names 'output', which "
                     "the item does not have"});
  EXPECT_EQ(override_of("  override: {condition: prepend}\n"),
            (Messages{"LOAD_ERR_YAML_VALIDATE override of 'condition' must be "
                      "append or replace, not 'prepend'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'output'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'desc'",
                      "LOAD_ERR_YAML_VALIDATE item has no key 'priority'"}));
  EXPECT_EQ(override_of("  append: true\n  override: {condition: append}\n"),
            (Messages{"LOAD_DEPRECATED_ITEM 'append' is deprecated",
                      "LOAD_ERR_YAML_VALIDATE 'override' and 'append: true' "
                      "cannot be used together"}));
}

TEST(RuleFile, ReadsTheDeprecatedSwitch) {
  const Read file = read("- rule: r\n  enabled: false\n");
  EXPECT_EQ(file.messages,
            Messages{"LOAD_DEPRECATED_ITEM a rule with nothing but 'enabled' "
                     "is deprecated"});
  const auto& rule = std::get<RuleItem>(file.items[0]);
  EXPECT_TRUE(rule.only_enabled);
  EXPECT_EQ(rule.change, Change::kReplace);
}

TEST(RuleFile, ChecksRequiredVersions) {
  EXPECT_EQ(read("- required_engine_version: 0.57.0\n").messages, Messages{});
  EXPECT_EQ(read("- required_engine_version: 26\n").messages, Messages{});
  EXPECT_EQ(read("- required_engine_version: 0.99.0\n").messages,
            Messages{"LOAD_ERR_VALIDATE rules require engine version 0.99.0, "
                     "but the engine version is 0.62.0"});
  EXPECT_EQ(read("- required_engine_version: 1.0.0\n").messages.size(), 1U);
  EXPECT_EQ(read("- required_engine_version: 1.x\n").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE engine version '1.x' is not of "
                     "the form 'x.y.z'"});
  EXPECT_EQ(read("- required_plugin_versions:\n  - name: container\n"
                 "    version: 0.4.0\n")
                .messages,
            Messages{});
  EXPECT_EQ(
      read("- required_plugin_versions:\n  - name: k8saudit\n"
           "    version: 0.4.0\n")
          .messages,
      Messages{"LOAD_ERR_YAML_VALIDATE no required plugin is available, only "
               "'container' is"});
}

}  // namespace
}  // namespace bailiff
