// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/exceptions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/resolve/definitions.h"

namespace bailiff {
namespace {

// Rule files whose last rule is looked at.
struct Excepted {
  std::string condition;  // or "none"
  std::vector<std::string> messages;
  LocatedText text;
};

Excepted excepted(const std::string& exceptions, const std::string& more = "") {
  Diagnostics diagnostics;
  const std::string text =
      "- rule: r\n  desc: d\n  condition: a or b\n  output: o\n"
      "  priority: INFO\n" +
      more + "  exceptions:\n" + exceptions;
  const auto stream = yaml::parse(text, 0, diagnostics);
  const Definitions definitions =
      merge(read_rule_file(*stream, diagnostics), diagnostics);
  const auto condition = with_exceptions(definitions.rules[0], diagnostics);
  Excepted result;
  result.condition = condition ? condition->text() : "none";
  if (condition) result.text = *condition;
  for (const Diagnostic& d : diagnostics.all()) {
    result.messages.push_back(d.code + " " + d.item_type + " " + d.item_name +
                              ": " + d.message);
  }
  return result;
}

// The condition, which has no mistake.
std::string condition(const std::string& exceptions) {
  const Excepted result = excepted(exceptions);
  EXPECT_EQ(result.messages, std::vector<std::string>{});
  return result.condition;
}

using Messages = std::vector<std::string>;

TEST(Exceptions, OfSeveralFieldsCompareEach) {
  EXPECT_EQ(condition("  - name: x\n    fields: [proc.name, fd.name]\n"
                      "    values:\n    - [a, /b]\n    - [c, /d]\n"),
            "(a or b) and not (( proc.name = a and  fd.name = /b) or ( "
            "proc.name = c and  fd.name = /d))");
}

TEST(Exceptions, OfOneFieldAreAList) {
  EXPECT_EQ(condition("  - {name: x, fields: proc.name, values: [a, b]}\n"),
            "(a or b) and not (proc.name in (a, b))");
  EXPECT_EQ(condition("  - {name: x, fields: fd.name, comps: pmatch, values: "
                      "[/a]}\n"),
            "(a or b) and not (fd.name pmatch (/a))");
  EXPECT_EQ(condition("  - {name: x, fields: fd.name, comps: startswith oneof, "
                      "values: [/a]}\n"),
            "(a or b) and not (fd.name startswith oneof (/a))");
}

TEST(Exceptions, EachFollowsTheOneBefore) {
  EXPECT_EQ(condition("  - {name: x, fields: proc.name, values: [a]}\n"
                      "  - {name: y, fields: [fd.name], values: [[b]]}\n"),
            "(a or b) and not (proc.name in (a)) and not (( fd.name = b))");
}

TEST(Exceptions, WithoutValuesHaveNoEffect) {
  EXPECT_EQ(condition("  - {name: x, fields: [proc.name]}\n"
                      "  - {name: y, fields: proc.name, values: []}\n"),
            "(a or b)");
}

TEST(Exceptions, ValuesWithBlanksGetQuotes) {
  EXPECT_EQ(condition("  - {name: x, fields: [proc.cmdline], values: [[cat x], "
                      "['\"cat y\"']]}\n"),
            "(a or b) and not (( proc.cmdline = \"cat x\") or ( proc.cmdline "
            "= \"cat y\"))");
  EXPECT_EQ(condition("  - {name: x, fields: proc.cmdline, values: [cat x]}\n"),
            "(a or b) and not (proc.cmdline in (\"cat x\"))");
}

TEST(Exceptions, ValuesOfListOperatorsGetParentheses) {
  EXPECT_EQ(
      condition("  - name: x\n    fields: [proc.name, proc.name, proc.name]\n"
                "    comps: [in, pmatch, = oneof]\n"
                "    values: [[a, (b), [c d, e]]]\n"),
      "(a or b) and not (( proc.name in (a) and  proc.name pmatch (b) and  "
      "proc.name = oneof (\"c d\", e)))");
}

TEST(Exceptions, ValuesAreTextInTheCondition) {
  EXPECT_EQ(condition("  - {name: x, fields: [proc.name], values: [[\"'a'\"], "
                      "[~], [tolower(proc.pname)]]}\n"),
            "(a or b) and not (( proc.name = 'a') or ( proc.name = ) or ( "
            "proc.name = tolower(proc.pname)))");
}

TEST(Exceptions, OperatorsAreTrimmed) {
  EXPECT_EQ(condition("  - {name: x, fields: [proc.name], comps: ['  contains "
                      "'], values: [[a]]}\n"),
            "(a or b) and not (( proc.name contains a))");
}

TEST(Exceptions, RefuseOperatorsThatAreNone) {
  const auto comps = [](const std::string& texts) {
    return excepted("  - {name: x, fields: [proc.name], comps: [" + texts +
                    "], values: [[a]]}\n")
        .messages;
  };
  for (const std::string comp :
       {"no-comp", "oneof", "in oneof", "'>= oneof'", "frobulate oneof",
        "contains  oneof", "''", "[contains]"}) {
    const Messages messages = comps(comp);
    ASSERT_FALSE(messages.empty()) << comp;
  }
  EXPECT_EQ(comps("no-comp"),
            Messages{"LOAD_ERR_VALIDATE exception x: 'no-comp' is not a "
                     "supported comparison operator"});
  EXPECT_EQ(comps("exists"), Messages{});
}

TEST(Exceptions, OfOneFieldNeedAnOperatorOnLists) {
  EXPECT_EQ(excepted("  - {name: x, fields: proc.name, comps: =, values: "
                     "[a]}\n")
                .messages,
            Messages{"LOAD_ERR_VALIDATE exception x: '=' cannot compare a "
                     "single field: 'comps' must be in, pmatch, intersects, or "
                     "one such as startswith oneof"});
  EXPECT_EQ(excepted("  - {name: x, fields: proc.name, comps: [in], values: "
                     "[a]}\n")
                .messages,
            Messages{"LOAD_ERR_VALIDATE exception x: 'comps' is a sequence, "
                     "and 'fields' a single field"});
}

TEST(Exceptions, NeedAsManyOperatorsAsFields) {
  const Messages expected = {
      "LOAD_ERR_VALIDATE exception x: 'fields' and 'comps' are of different "
      "length"};
  EXPECT_EQ(excepted("  - {name: x, fields: [proc.name, fd.name], comps: "
                     "[=]}\n")
                .messages,
            expected);
  EXPECT_EQ(
      excepted("  - {name: x, fields: [proc.name], comps: in}\n").messages,
      expected);
}

TEST(Exceptions, NeedAsManyValuesAsFields) {
  const Messages expected = {
      "LOAD_ERR_VALIDATE exception x: a value must be a sequence as long as "
      "'fields'"};
  EXPECT_EQ(excepted("  - {name: x, fields: [proc.name, fd.name], values: "
                     "[[a]]}\n")
                .messages,
            expected);
  EXPECT_EQ(
      excepted("  - {name: x, fields: [proc.name], values: [a]}\n").messages,
      expected);
  EXPECT_EQ(
      excepted("  - {name: x, fields: proc.name, values: [[a]]}\n").messages,
      Messages{"LOAD_ERR_VALIDATE exception x: a value is a sequence, and "
               "'fields' a single field"});
}

TEST(Exceptions, RefuseFieldsThatAreNone) {
  for (const std::string field :
       {"not.exist", "name", "proc.name exists or fd.name", "proc.name[",
        "tolower(not.exist)", "(proc.name)x", "''"}) {
    EXPECT_FALSE(
        excepted("  - {name: x, fields: ['" + field + "']}\n").messages.empty())
        << field;
  }
  EXPECT_EQ(excepted("  - {name: x, fields: [not.exist]}\n").messages,
            Messages{"LOAD_ERR_VALIDATE exception x: 'not.exist' is not a "
                     "supported filter field"});
}

TEST(Exceptions, LeaveTheArgumentOfAFieldToTheCondition) {
  EXPECT_EQ(excepted("  - {name: x, fields: ['proc.name[2]'], values: "
                     "[[a]]}\n")
                .condition,
            "(a or b) and not (( proc.name[2] = a))");
}

TEST(Exceptions, DoNotKnowTheFieldsOfOtherSources) {
  EXPECT_EQ(excepted("  - {name: x, fields: [ka.verb], values: [[a]]}\n",
                     "  source: k8s_audit\n")
                .messages,
            Messages{});
}

TEST(Exceptions, KnowWhereTheirTextsWereWritten) {
  const Excepted result =
      excepted("  - {name: x, fields: [proc.name], values: [[abc]]}\n");
  const std::size_t value = result.condition.find("abc");
  const Span span = result.text.span(value, value + 3);
  const std::size_t field = result.condition.find("proc.name");
  EXPECT_EQ(span.end - span.begin, 3U);
  EXPECT_LT(result.text.span(field, field + 9).begin, span.begin);
  EXPECT_EQ(result.text.span(1, 2).end, result.text.span(1, 2).begin + 1);
}

}  // namespace
}  // namespace bailiff
