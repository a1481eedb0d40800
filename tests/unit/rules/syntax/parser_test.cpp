// SPDX-License-Identifier: Apache-2.0
// The trees and the places in them; grammar_test.cpp has the language.
#include "rules/syntax/parser.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "rules/base/codes.h"
#include "rules/document/yaml.h"
#include "rules/syntax/printer.h"
#include "tests/harness/condition_places.h"

namespace bailiff::syntax {
namespace {

LocatedText located(const std::string& text) {
  LocatedText located;
  located.push_run(text, 0, 0);
  return located;
}

// The comparison a condition is.
Comparison comparison(const std::string& text) {
  Diagnostics diagnostics;
  std::optional<Node> node = parse_condition(located(text), {}, diagnostics);
  EXPECT_TRUE(node) << text;
  return std::get<Comparison>(node->form);
}

TEST(Parser, ReadsFieldOperatorAndLiterals) {
  const Comparison one = comparison("proc.aname[2] == 'nc'");
  ASSERT_TRUE(one.is_plain());
  EXPECT_FALSE(one.takes_list());
  EXPECT_EQ(one.field()->name, "proc.aname");
  EXPECT_TRUE(one.field()->has_argument);
  EXPECT_EQ(one.field()->argument, "2");
  EXPECT_EQ(one.op, Operator::kEq);
  ASSERT_EQ(one.operands.size(), 1U);
  EXPECT_EQ(*one.operands[0].literal(),
            (Literal{.text = "nc", .quoted = true}));

  const Comparison many = comparison("a.b in (c, \"d\")");
  ASSERT_TRUE(many.is_plain());
  EXPECT_TRUE(many.takes_list());
  EXPECT_FALSE(many.list_by_name);
  ASSERT_EQ(many.operands.size(), 2U);
  EXPECT_FALSE(many.operands[0].literal()->quoted);
  EXPECT_TRUE(many.operands[1].literal()->quoted);

  const Comparison exists = comparison("a.b exists");
  EXPECT_TRUE(exists.is_plain());
  EXPECT_TRUE(exists.operands.empty());
}

TEST(Parser, ReadsListsByName) {
  const Comparison in = comparison("a.b in shells");
  EXPECT_TRUE(in.is_plain());
  EXPECT_TRUE(in.takes_list());
  EXPECT_TRUE(in.list_by_name);
  EXPECT_EQ(in.operands[0].literal()->text, "shells");

  const Comparison any = comparison("a.b startswith anyof prefixes");
  EXPECT_TRUE(any.takes_list());
  EXPECT_TRUE(any.list_by_name);
  EXPECT_EQ(any.operands[0].literal()->text, "prefixes");
}

TEST(Parser, ReadsQuantifiers) {
  const Comparison none = comparison("a.b != allof (c, d)");
  EXPECT_EQ(none.quantifier, Quantifier::kAllof);
  EXPECT_FALSE(none.is_plain());
  EXPECT_TRUE(none.takes_list());
  EXPECT_EQ(none.operands.size(), 2U);

  const Comparison word = comparison("a.b = oneof");
  EXPECT_EQ(word.quantifier, Quantifier::kNone);
  EXPECT_TRUE(word.is_plain());
}

TEST(Parser, ReadsCalls) {
  const Comparison both =
      comparison("getopt(proc.args, \"nt:\")[t] = tolower(val.x)");
  EXPECT_EQ(both.field(), nullptr);
  EXPECT_FALSE(both.is_plain());
  const Call& left = *both.left.call();
  EXPECT_EQ(left.transform, Transform::kGetopt);
  ASSERT_EQ(left.arguments.size(), 2U);
  EXPECT_EQ(left.arguments[0].field()->name, "proc.args");
  EXPECT_EQ(left.arguments[1].literal()->text, "nt:");
  EXPECT_TRUE(left.has_bracket);
  EXPECT_EQ(left.bracket, "t");
  ASSERT_NE(both.right_call(), nullptr);
  EXPECT_EQ(both.right_call()->transform, Transform::kTolower);

  const Comparison in = comparison("a.b in val(c.d)");
  EXPECT_FALSE(in.takes_list());
  EXPECT_FALSE(in.list_by_name);
  EXPECT_EQ(in.right_call()->transform, Transform::kVal);

  const Comparison joined = comparison("join(\"-\", (a.b, 1)) exists");
  const auto& list = std::get<TermList>(joined.left.call()->arguments[1].form);
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_FALSE(list.items[1].literal()->quoted);
}

TEST(Parser, EqualityIgnoresPlacesAndQuotesOutsideLists) {
  EXPECT_EQ(comparison("a.b = c"), comparison("  a.b  ==  'c'"));
  EXPECT_EQ(comparison("a.b = \"oneof\""), comparison("a.b =oneof"));
  EXPECT_FALSE(comparison("a.b in (c)") == comparison("a.b in ('c')"));
  EXPECT_FALSE(comparison("a.b in (c)") == comparison("a.b in c"));
  EXPECT_FALSE(comparison("a.b = anyof (c)") ==
               comparison("a.b = anyof ('c')"));
  EXPECT_FALSE(comparison("a.b = anyof (c)") == comparison("a.b = oneof (c)"));
  EXPECT_FALSE(comparison("a.b = len(c.d)") == comparison("a.b = val(c.d)"));
  EXPECT_FALSE(comparison("a.b = len(c.d)") == comparison("a.b = 'len(c.d)'"));
  EXPECT_FALSE(comparison("len(1) exists") == comparison("len('1') exists"));
  EXPECT_FALSE(comparison("len(a.b) exists") ==
               comparison("len(a.b)[''] exists"));
}

TEST(Parser, EveryNodeHasItsPlace) {
  const std::string text =
      "a and (x.y in (p, \"q r\") or not m) and join( ',', (a.b[1], 2) )[z] != "
      "oneof ( s ) and c.d<val( e.f ) and (((n)))";
  Diagnostics diagnostics;
  const auto node = parse_condition(located(text), {}, diagnostics);
  ASSERT_TRUE(node);
  EXPECT_TRUE(test::ConditionPlaces(text).are_exact(*node));

  const auto place = [&](const Span& span) {
    return text.substr(span.begin, span.end - span.begin);
  };
  EXPECT_EQ(place(span_of(*node)), text);
  const auto& all = std::get<Conjunction>(node->form);
  EXPECT_EQ(place(span_of(all.operands[1])), "x.y in (p, \"q r\") or not m");
  const auto& joined = std::get<Comparison>(all.operands[2].form);
  EXPECT_EQ(place(joined.span), "join( ',', (a.b[1], 2) )[z] != oneof ( s )");
  EXPECT_EQ(place(span_of(joined.left)), "join( ',', (a.b[1], 2) )[z]");
  EXPECT_EQ(place(joined.left.call()->transform_span), "join");
  EXPECT_EQ(place(span_of(joined.left.call()->arguments[1])), "(a.b[1], 2)");
  EXPECT_EQ(place(joined.op_span), "!=");
  EXPECT_EQ(place(joined.quantifier_span), "oneof");
  EXPECT_EQ(place(span_of(joined.operands[0])), "s");
  const auto& compared = std::get<Comparison>(all.operands[3].form);
  EXPECT_EQ(place(span_of(compared.operands[0])), "val( e.f )");
  EXPECT_EQ(place(span_of(all.operands[4])), "n");
}

// What is at `span`, from a YAML scalar that was parsed.
struct Folded {
  explicit Folded(std::string_view yaml_text) : text(yaml_text) {
    const auto stream = yaml::parse(text, 0, diagnostics);
    condition = stream->locate((*stream)[stream->roots().front()]);
    node = parse_condition(condition, {}, diagnostics);
  }
  std::string_view at(const Span& span) const {
    return text.substr(span.begin, span.end - span.begin);
  }

  std::string_view text;
  Diagnostics diagnostics;
  LocatedText condition;
  std::optional<Node> node;
};

TEST(Parser, PlacesAreThoseInBlockScalars) {
  for (const std::string header : {">", "|", ">-", "|2-"}) {
    const std::string text = header +
                             "\n  evt.type = connect and\n"
                             "  fd.sip in (\n    1.2.3.4,\n    '::1'\n  )\n";
    const Folded folded(text);
    ASSERT_TRUE(folded.node) << header;
    const auto& both = std::get<Conjunction>(folded.node->form);
    const auto& in = std::get<Comparison>(both.operands[1].form);
    EXPECT_EQ(folded.at(in.field()->span), "fd.sip");
    EXPECT_EQ(folded.at(in.op_span), "in");
    EXPECT_EQ(folded.at(span_of(in.operands[1])), "'::1'");
    EXPECT_EQ(folded.at(in.span), "fd.sip in (\n    1.2.3.4,\n    '::1'\n  )");
  }
}

TEST(Parser, MistakesAreShownInBlockScalars) {
  const std::string text =
      "|\n  evt.type = connect\n    and fd.sip && fd.sport = 1\n";
  const Folded folded(text);
  ASSERT_FALSE(folded.node);
  SourceSet sources;
  sources.add("rules.yaml", text);
  EXPECT_EQ(render(folded.diagnostics, sources),
            "rules.yaml:3:16: error: unexpected '&&', expected an operator "
            "[LOAD_ERR_COMPILE_CONDITION]\n"
            "    3 |     and fd.sip && fd.sport = 1\n"
            "      |                ^~\n"
            "hint: a field alone is no condition: compare it, or write "
            "'exists'\n");
}

TEST(Parser, AMistakeNamesItsItem) {
  Diagnostics diagnostics;
  const Owner owner = {.type = "macro", .name = "m"};
  EXPECT_FALSE(parse_condition(located("a b"), owner, diagnostics));
  ASSERT_EQ(diagnostics.all().size(), 1U);
  const Diagnostic& only = diagnostics.all().front();
  EXPECT_EQ(only.severity, Severity::kError);
  EXPECT_EQ(only.code, codes::kCompileCondition);
  EXPECT_EQ(only.item_type, "macro");
  EXPECT_EQ(only.item_name, "m");
}

TEST(Parser, LongTextsAreCutInMessages) {
  Diagnostics diagnostics;
  const std::string text = "a " + std::string(31, 'x') + "\xc3\xa9\xc3\xa9";
  EXPECT_FALSE(parse_condition(located(text), {}, diagnostics));
  EXPECT_EQ(diagnostics.all().front().message,
            "unexpected '" + std::string(31, 'x') +
                "…', expected 'and', 'or' or the end of the condition");
}

TEST(Parser, WarnsOfQuotesThatQuoteNothing) {
  Diagnostics diagnostics;
  const std::string text = "a.b = “c” and d.e in (“f”, \"“\", g“)";
  ASSERT_TRUE(parse_condition(located(text), {}, diagnostics));
  EXPECT_FALSE(diagnostics.has_errors());
  ASSERT_EQ(diagnostics.all().size(), 2U);
  const Diagnostic& first = diagnostics.all().front();
  EXPECT_EQ(first.severity, Severity::kWarning);
  EXPECT_EQ(first.code, codes::kWarnCompileCondition);
  EXPECT_EQ(first.message,
            "value '“c”' begins with a quote that quotes nothing");
  EXPECT_EQ(first.span.begin, 6U);
}

}  // namespace
}  // namespace bailiff::syntax
