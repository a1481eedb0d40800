// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/syntax/printer.h"

namespace bailiff::syntax {
namespace {

// The condition printed again, or the first message with its place.
std::string parsed(const std::string& text) {
  LocatedText located;
  located.push_run(text, 0, 0);
  Diagnostics diagnostics;
  const auto node = parse_condition(located, {}, diagnostics);
  EXPECT_EQ(node.has_value(), diagnostics.all().empty());
  if (node) return print(*node);
  const Diagnostic& first = diagnostics.all().front();
  return std::to_string(first.span.begin) + ": " + first.message;
}

TEST(Parser, BindsNotBeforeAndBeforeOr) {
  EXPECT_EQ(parsed("a or b and not c"), "a or b and not c");
  EXPECT_EQ(parsed("(a or b) and not (c or d)"), "(a or b) and not (c or d)");
  EXPECT_EQ(parsed("(a and b) or (c)"), "a and b or c");
  EXPECT_EQ(parsed("not not a"), "a");
  EXPECT_EQ(parsed("not not not(a)"), "not a");
  EXPECT_EQ(parsed("not (not a)"), "not (not a)");
}

TEST(Parser, TakesParenthesesInPlaceOfBlanks) {
  EXPECT_EQ(parsed("(a)and(b)or(c)"), "a and b or c");
  EXPECT_EQ(parsed("a and(b)"), "a and b");
  EXPECT_EQ(parsed("a.b existsand c"), "a.b exists and c");
  EXPECT_EQ(parsed(" \t\r\n a \n"), "a");
  EXPECT_EQ(parsed("a.b in(c,d)"), "a.b in (c, d)");
}

TEST(Parser, ReadsEveryOperator) {
  for (const std::string text : {"a.b exists",         "a.b = c",
                                 "a.b != c",           "a.b < 1",
                                 "a.b <= 1",           "a.b > 1",
                                 "a.b >= -1",          "a.b glob c",
                                 "a.b iglob c",        "a.b contains c",
                                 "a.b icontains c",    "a.b bcontains c",
                                 "a.b startswith c",   "a.b bstartswith c",
                                 "a.b endswith c",     "a.b regex c",
                                 "a.b intersects (c)", "a.b in (c, d)",
                                 "a.b in c",           "a.b in ()",
                                 "a.b pmatch (c)",     "a.b = \"c d\""}) {
    EXPECT_EQ(parsed(text), text);
  }
  EXPECT_EQ(parsed("a.b==c"), "a.b = c");
}

TEST(Parser, BareStringsTakeAllButAFewCharacters) {
  EXPECT_EQ(parsed("a.b = /x/*.y:[1]{2}<3>;!#$%^&|"),
            "a.b = /x/*.y:[1]{2}<3>;!#$%^&|");
  EXPECT_EQ(parsed("fd.sip in (1.2.3.4, ::1, 10.0.0.0/8)"),
            "fd.sip in (1.2.3.4, ::1, 10.0.0.0/8)");
}

TEST(Parser, ReadsFieldArguments) {
  EXPECT_EQ(parsed("a.b[1] = c"), "a.b[\"1\"] = c");
  EXPECT_EQ(parsed("a.b['x y'] = c"), "a.b[\"x y\"] = c");
  EXPECT_EQ(parsed("a.b[/x/*] exists"), "a.b[\"/x/*\"] exists");
}

TEST(Parser, SaysWhatItExpected) {
  EXPECT_EQ(parsed(""), "0: condition is empty");
  EXPECT_EQ(parsed("a andb"),
            "2: unexpected 'andb', expected 'and', 'or' or the end of the "
            "condition");
  EXPECT_EQ(parsed("a and"),
            "2: unexpected 'and', expected 'and', 'or' or the end of the "
            "condition");
  EXPECT_EQ(parsed("a and  "),
            "7: unexpected end of the condition, expected a field, a macro, "
            "'not' or '('");
  EXPECT_EQ(parsed("(a"),
            "2: unexpected end of the condition, expected 'and', 'or' or "
            "')'");
  EXPECT_EQ(parsed("a.b is c"), "4: unexpected 'is', expected an operator");
  EXPECT_EQ(parsed("a.b < c"), "6: unexpected 'c', expected a number");
  EXPECT_EQ(parsed("a.b = ("), "6: unexpected '(', expected a value");
  EXPECT_EQ(parsed("a.b in (c,)"), "10: unexpected ')', expected a value");
  EXPECT_EQ(parsed("a.b in (c d)"), "10: unexpected 'd)', expected ',' or ')'");
  EXPECT_EQ(parsed("a.b in 1"),
            "7: unexpected '1', expected '(' or the name of a list");
  EXPECT_EQ(parsed("a.b[] = c"),
            "4: expected a valid field argument: a quoted string or a bare "
            "string");
  EXPECT_EQ(parsed("a.b[\"x\" = c"), "7: expected a ']' token");
  EXPECT_EQ(parsed("a.b = \"c"), "6: quoted string without its closing quote");
  EXPECT_EQ(parsed("a.b = \"c\\q\""),
            "8: unknown escape '\\q' in a quoted string");
  EXPECT_EQ(parsed("# a"),
            "0: unexpected '#', expected a field, a macro, 'not' or '('");
}

TEST(Parser, RefusesWhatALaterVersionHasByName) {
  EXPECT_EQ(parsed("tolower(a.b) = c"),
            "0: 'tolower' is not available in this version");
  EXPECT_EQ(parsed("a.b = val(c.d)"),
            "6: 'val' is not available in this version");
  EXPECT_EQ(parsed("a.b = oneof (c, d)"),
            "6: 'oneof' is not available in this version");
}

TEST(Parser, BoundsNesting) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '(') + "a" +
           std::string(static_cast<std::size_t>(depth), ')');
  };
  EXPECT_EQ(parsed(nested(kMaxNesting)), "a");
  EXPECT_EQ(parsed(nested(kMaxNesting + 1)),
            "198: more than 198 parentheses inside one another");
  EXPECT_EQ(parsed(std::string(100'000, '(')),
            "198: more than 198 parentheses inside one another");
  std::string nots;
  for (int i = 0; i < 100'001; ++i) nots += "not ";
  EXPECT_EQ(parsed(nots + "a"), "not a");
}

TEST(Parser, SiblingsDoNotNest) {
  std::string text = "(a)";
  for (int i = 0; i < 1000; ++i) text += " and (a)";
  EXPECT_EQ(parsed(text).substr(0, 15), "a and a and a a");
}

TEST(Parser, EveryNodeHasItsPlace) {
  const std::string text = "a and (x.y in (p, \"q r\") or not m)";
  LocatedText located;
  located.push_run(text, 3, 100);
  Diagnostics diagnostics;
  const auto node = parse_condition(located, {}, diagnostics);
  ASSERT_TRUE(node);
  const auto place = [&](const Span& span) {
    EXPECT_EQ(span.source, 3U);
    return text.substr(span.begin - 100, span.end - span.begin);
  };
  EXPECT_EQ(place(span_of(*node)), text);
  const auto& both = std::get<Conjunction>(node->form);
  EXPECT_EQ(place(span_of(both.operands[0])), "a");
  const auto& either = std::get<Disjunction>(both.operands[1].form);
  EXPECT_EQ(place(either.span), "x.y in (p, \"q r\") or not m");
  const auto& comparison = std::get<Comparison>(either.operands[0].form);
  EXPECT_EQ(place(comparison.span), "x.y in (p, \"q r\")");
  EXPECT_EQ(place(comparison.field()->span), "x.y");
  EXPECT_EQ(place(comparison.op_span), "in");
  EXPECT_EQ(place(span_of(comparison.operands[1])), "\"q r\"");
  const auto& negation = std::get<Negation>(either.operands[1].form);
  EXPECT_EQ(place(negation.span), "not m");
  EXPECT_EQ(place(span_of(*negation.operand)), "m");
}

}  // namespace
}  // namespace bailiff::syntax
