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
  EXPECT_EQ(list.items.value.text(1), "\"b\"");
  EXPECT_EQ(std::get<MacroItem>(file.items[1]).condition.value.text(),
            "evt.type = connect");
  const auto& rule = std::get<RuleItem>(file.items[2]);
  EXPECT_EQ(rule.name.text, "r");
  EXPECT_FALSE(rule.enabled->value);
  EXPECT_EQ(rule.tags->value.text(0), "x");
  EXPECT_EQ(rule.priority->value, Priority::kWarning);
  EXPECT_EQ(rule.kind, RuleItemKind::kDefinition);
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

// A rule whose keys are `rest`, to which only those are missing.
std::string rule(const std::string& rest) {
  return "- rule: r\n  desc: d\n  condition: m\n  output: o\n" + rest;
}

TEST(RuleFile, ReadsEachDocumentAndSkipsWhatIsNothing) {
  const Read file = read(
      "~\n---\n- list: l\n  items: []\n- ~\n---\n"
      "- \n- macro: m\n  condition: a\n");
  EXPECT_EQ(file.messages, Messages{});
  EXPECT_EQ(file.items.size(), 2U);
}

TEST(RuleFile, TakesTheFirstOfTwoEqualKeys) {
  const Read file = read("- macro: m\n  condition: a\n  condition: b\n");
  EXPECT_EQ(file.messages, Messages{"LOAD_UNKNOWN_KEY key 'condition' is given "
                                    "twice, the first one counts"});
  EXPECT_EQ(std::get<MacroItem>(file.items[0]).condition.value.text(), "a");
}

TEST(RuleFile, TellsTheTypeOfAnItemByTheFirstKeyFalcoLooksFor) {
  const Read file =
      read("- {rule: r, macro: m, condition: a, list: l, items: []}\n");
  ASSERT_EQ(file.items.size(), 1U);
  EXPECT_EQ(std::get<ListItem>(file.items[0]).name.text, "l");
}

TEST(RuleFile, ListsMayHoldEmptyItemsButNotNothing) {
  EXPECT_EQ(read("- {list: l, items: ['', a]}\n").messages, Messages{});
  EXPECT_EQ(read("- {list: l, items: [~, a]}\n").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE an element of 'items' must be a "
                     "scalar, not nothing"});
  EXPECT_EQ(read("- {list: l, items: [{a: b}]}\n").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE an element of 'items' must be a "
                     "scalar, not a mapping"});
  EXPECT_EQ(read("- {list: l, items: a}\n").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE 'items' must be a sequence, not a "
                     "scalar"});
}

TEST(RuleFile, NamesMustBeThere) {
  EXPECT_EQ(read("- {list: ~, items: []}\n").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE 'list' is empty"});
  EXPECT_EQ(read("- {macro: '', condition: a}\n").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE 'macro' is empty"});
  EXPECT_EQ(read("- {rule: [r], enabled: true}\n").messages[0],
            "LOAD_ERR_YAML_VALIDATE 'rule' must be a scalar, not a sequence");
}

TEST(RuleFile, WarnsOfNamesConditionsCannotUse) {
  EXPECT_EQ(read("- {macro: test-macro, condition: a}\n").messages,
            Messages{"LOAD_INVALID_MACRO_NAME name of macro 'test-macro' is "
                     "not a letter with letters, digits and '_' behind it"});
  EXPECT_EQ(read("- {macro: _m, condition: a}\n").messages.size(), 1U);
  EXPECT_EQ(read("- {macro: m_1, condition: a}\n").messages, Messages{});
  EXPECT_EQ(read("- {list: test list, items: []}\n").messages,
            Messages{"LOAD_INVALID_LIST_NAME name of list 'test list' holds a "
                     "blank or one of ()\"'=,"});
  EXPECT_EQ(read("- {list: test-list, items: []}\n").messages, Messages{});
}

TEST(RuleFile, ReadsPrioritiesInAnyCase) {
  EXPECT_EQ(read(rule("  priority: informational\n")).messages, Messages{});
  EXPECT_EQ(read(rule("  priority: WARN\n")).messages,
            Messages{"LOAD_ERR_YAML_VALIDATE invalid priority 'WARN'"});
}

TEST(RuleFile, ReadsBooleansAsYamlDoes) {
  const Read file = read(rule("  priority: INFO\n  enabled: 'No'\n"));
  EXPECT_EQ(file.messages, Messages{});
  EXPECT_FALSE(std::get<RuleItem>(file.items[0]).enabled->value);
  EXPECT_EQ(read(rule("  priority: INFO\n  enabled: 1\n")).messages,
            Messages{"LOAD_ERR_YAML_VALIDATE 'enabled' must be true or false, "
                     "not '1'"});
}

TEST(RuleFile, TagsAreASequenceOrAbsent) {
  EXPECT_EQ(read(rule("  priority: INFO\n  tags:\n")).messages,
            Messages{"LOAD_ERR_YAML_VALIDATE 'tags' must be a sequence, not "
                     "nothing"});
  EXPECT_EQ(read(rule("  priority: INFO\n  tags: []\n")).messages, Messages{});
}

TEST(RuleFile, ChecksCaptureThoughItHasNoEffect) {
  EXPECT_EQ(read(rule("  priority: INFO\n  capture: true\n"
                      "  capture_duration: 5000\n"))
                .messages,
            Messages{"LOAD_UNKNOWN_KEY 'capture' of a rule has no effect, "
                     "ignored"});
  EXPECT_EQ(read(rule("  priority: INFO\n  capture_duration: -1\n")).messages,
            Messages{"LOAD_ERR_YAML_VALIDATE 'capture_duration' must be a "
                     "number from 0 to 4294967295, not '-1'"});
}

TEST(RuleFile, ASourceMayBeEmptyOnlyWhereARuleIsChanged) {
  EXPECT_EQ(read(rule("  priority: INFO\n  source:\n")).messages,
            Messages{"LOAD_ERR_YAML_VALIDATE 'source' is empty"});
  EXPECT_EQ(read("- {rule: r, condition: a, source: '', override: {condition: "
                 "append}}\n")
                .messages,
            Messages{});
}

TEST(RuleFile, ReadsOverrides) {
  const Read file = read(
      "- rule: r\n  condition: and x\n  tags: [t]\n  enabled: true\n"
      "  override: {condition: append, tags: append, enabled: replace}\n"
      "- list: l\n  items: [a]\n  override: {items: append}\n"
      "- macro: m\n  condition: a\n  override: {condition: replace}\n");
  EXPECT_EQ(file.messages, Messages{});
  const auto& rule = std::get<RuleItem>(file.items[0]);
  EXPECT_EQ(rule.kind, RuleItemKind::kOverride);
  EXPECT_EQ(rule.condition->change, Change::kAppend);
  EXPECT_EQ(rule.enabled->change, Change::kReplace);
  EXPECT_EQ(std::get<ListItem>(file.items[1]).items.change, Change::kAppend);
  EXPECT_EQ(std::get<MacroItem>(file.items[2]).condition.change,
            Change::kDefine);
}

TEST(RuleFile, RefusesOverridesThatMakeNoSense) {
  const auto override_of = [](const std::string& rest) {
    return read("- rule: r\n  condition: m\n" + rest).messages;
  };
  EXPECT_EQ(override_of("  priority: INFO\n  override: {priority: append, "
                        "condition: append}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE key 'priority' cannot be appended "
                     "to"});
  EXPECT_EQ(override_of("  priority: INFO\n  override: {condition: append}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE unexpected key 'priority': "
                     "'override' does not name it"});
  EXPECT_EQ(override_of("  override: {output: append, condition: append}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE an override of 'output' is given, "
                     "but the item has no key 'output'"});
  EXPECT_EQ(override_of("  override: {condition: prepend}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE override of 'condition' must be "
                     "append or replace, not 'prepend'"});
  EXPECT_EQ(override_of("  override: {condition: [append]}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE override of 'condition' must be "
                     "append or replace, not a sequence"});
  EXPECT_EQ(override_of("  override: {source: replace}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE key 'source' cannot be replaced"});
  EXPECT_EQ(override_of("  override: {items: append}\n"),
            Messages{"LOAD_ERR_YAML_VALIDATE key 'items' cannot be appended "
                     "to"});
  EXPECT_EQ(override_of("  override: [condition]\n")[0],
            "LOAD_ERR_YAML_VALIDATE 'override' must be a mapping, not a "
            "sequence");
  EXPECT_EQ(override_of("  append: true\n  override: {condition: append}\n"),
            (Messages{"LOAD_DEPRECATED_ITEM 'append' is deprecated",
                      "LOAD_ERR_YAML_VALIDATE 'override' and 'append: true' "
                      "cannot be used together"}));
}

TEST(RuleFile, SaysThatAnOverrideWithoutKeysIsIgnored) {
  const Read file = read("- {list: l, items: [a], override: append}\n");
  EXPECT_EQ(file.messages, Messages{"LOAD_UNKNOWN_KEY 'override' is no "
                                    "mapping, ignored"});
  EXPECT_EQ(std::get<ListItem>(file.items[0]).items.change, Change::kDefine);
}

TEST(RuleFile, TheDeprecatedAppendIsOfConditionAndExceptionsOnly) {
  const Read file = read(
      "- rule: r\n  condition: and x\n  output: o\n  tags: [t]\n"
      "  enabled: 1\n  priority: none\n  append: true\n");
  EXPECT_EQ(file.messages,
            Messages{"LOAD_DEPRECATED_ITEM 'append' is deprecated"});
  const auto& rule = std::get<RuleItem>(file.items[0]);
  EXPECT_EQ(rule.kind, RuleItemKind::kAppend);
  EXPECT_EQ(rule.condition->change, Change::kAppend);
  EXPECT_FALSE(rule.output);
  EXPECT_FALSE(rule.tags);
}

TEST(RuleFile, ReadsTheDeprecatedSwitch) {
  const Read file = read("- rule: r\n  enabled: false\n  tags: [t]\n");
  EXPECT_EQ(file.messages,
            Messages{"LOAD_DEPRECATED_ITEM a rule with nothing but 'enabled' "
                     "is deprecated"});
  const auto& rule = std::get<RuleItem>(file.items[0]);
  EXPECT_EQ(rule.kind, RuleItemKind::kSwitch);
  EXPECT_FALSE(rule.enabled->value);
}

TEST(RuleFile, ARuleWithNothingAtAllLacksTheSwitch) {
  EXPECT_EQ(read("- rule: r\n").messages,
            Messages{"LOAD_ERR_YAML_VALIDATE item has no key 'enabled'"});
}

const std::vector<RuleException>& exceptions_of(const Read& file) {
  return std::get<RuleItem>(file.items[0]).exceptions->value;
}

TEST(RuleFile, ReadsExceptionsInEveryShape) {
  const Read file = read(rule(R"(  priority: INFO
  exceptions:
  - name: tuples
    fields: [proc.name, fd.name]
    comps: [=, in]
    values:
    - [a, [b, c]]
    - [d, (e)]
  - name: single
    fields: proc.name
    values: [a, b c]
  - name: unused
    fields: [proc.name]
)"));
  EXPECT_EQ(file.messages, Messages{});
  const auto& exceptions = exceptions_of(file);
  ASSERT_EQ(exceptions.size(), 3U);
  EXPECT_EQ(exceptions[0].name.text, "tuples");
  EXPECT_TRUE(exceptions[0].fields.is_list);
  EXPECT_EQ(exceptions[0].comps.entries[1].text, "in");
  ASSERT_EQ(exceptions[0].values.size(), 2U);
  EXPECT_TRUE(exceptions[0].values[0].entries[1].is_list);
  EXPECT_EQ(exceptions[0].values[1].entries[1].text, "(e)");
  EXPECT_FALSE(exceptions[1].fields.is_list);
  EXPECT_FALSE(exceptions[1].comps.given());
  EXPECT_EQ(exceptions[1].values[1].text, "b c");
  EXPECT_TRUE(exceptions[2].values.empty());
}

TEST(RuleFile, NoExceptionsIsNoMistake) {
  EXPECT_EQ(read(rule("  priority: INFO\n  exceptions:\n")).messages,
            Messages{});
  EXPECT_EQ(read(rule("  priority: INFO\n  exceptions: []\n")).messages,
            Messages{});
}

TEST(RuleFile, RefusesExceptionsOfOtherShapes) {
  const auto exceptions = [](const std::string& text) {
    return read(rule("  priority: INFO\n  exceptions: " + text + "\n"))
        .messages;
  };
  EXPECT_EQ(exceptions("x"),
            Messages{"LOAD_ERR_YAML_VALIDATE rule exceptions must be a "
                     "sequence, not a scalar"});
  EXPECT_EQ(exceptions("[x]"),
            Messages{"LOAD_ERR_YAML_VALIDATE a rule exception must be a "
                     "mapping, not a scalar"});
  EXPECT_EQ(exceptions("[{fields: [a.b]}]"),
            Messages{"LOAD_ERR_YAML_VALIDATE item has no key 'name'"});
  EXPECT_EQ(exceptions("[{name: x}]"),
            Messages{"LOAD_ERR_YAML_VALIDATE item has no key 'fields'"});
  EXPECT_EQ(exceptions("[{name: x, fields: a.b, values: c}]"),
            Messages{"LOAD_ERR_YAML_VALIDATE rule exception values must be a "
                     "sequence, not a scalar"});
  EXPECT_EQ(exceptions("[{name: x, fields: a.b, values: }]"),
            Messages{"LOAD_ERR_YAML_VALIDATE rule exception values must be a "
                     "sequence, not nothing"});
  EXPECT_EQ(exceptions("[{name: x, fields: [a.b], values: [['']]}]"),
            Messages{"LOAD_ERR_YAML_VALIDATE a value in an exception is "
                     "empty"});
}

TEST(RuleFile, NamesTheExceptionInDiagnostics) {
  Diagnostics diagnostics;
  const std::string text =
      rule("  priority: INFO\n  exceptions: [{name: x, fields: ''}]\n");
  const auto stream = yaml::parse(text, 0, diagnostics);
  read_rule_file(*stream, diagnostics);
  ASSERT_EQ(diagnostics.all().size(), 1U);
  EXPECT_EQ(diagnostics.all()[0].item_type, "exception");
  EXPECT_EQ(diagnostics.all()[0].item_name, "x");
}

TEST(RuleFile, WarnsOfTwoExceptionsOfOneName) {
  const Read file = read(
      rule("  priority: INFO\n  exceptions:\n"
           "  - {name: x, fields: [a.b]}\n  - {name: x, fields: [a.b]}\n"));
  EXPECT_EQ(file.messages,
            Messages{"LOAD_EXCEPTION_NAME_NOT_UNIQUE exception 'x' is defined "
                     "more than once in the same rule"});
  EXPECT_EQ(exceptions_of(file).size(), 2U);
}

TEST(RuleFile, AppendedExceptionsNeedValuesButNoFields) {
  EXPECT_EQ(read("- {rule: r, exceptions: [{name: x, values: [a]}], "
                 "override: {exceptions: append}}\n")
                .messages,
            Messages{});
  EXPECT_EQ(read("- {rule: r, exceptions: [{name: x, value: a}], "
                 "override: {exceptions: append}}\n")
                .messages,
            Messages{"LOAD_APPEND_NO_VALUES the exception is appended without "
                     "'values': it has no effect"});
  EXPECT_EQ(read("- {rule: r, exceptions: [{name: x, values: [a]}], "
                 "override: {exceptions: replace}}\n")
                .messages,
            Messages{"LOAD_ERR_YAML_VALIDATE item has no key 'fields'"});
}

}  // namespace
}  // namespace bailiff
