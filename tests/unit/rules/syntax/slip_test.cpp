// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/slip.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/syntax/parser.h"

namespace bailiff::syntax {
namespace {

struct Case {
  std::string text;
  std::string hint;
};

// Every condition must be refused, with the hint.
void expect(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    LocatedText located;
    located.push_run(one.text, 0, 0);
    Diagnostics diagnostics;
    EXPECT_FALSE(parse_condition(located, {}, diagnostics)) << one.text;
    ASSERT_TRUE(diagnostics.has_errors()) << one.text;
    EXPECT_EQ(diagnostics.all().back().hint, one.hint) << one.text;
  }
}

const std::string kQuoting =
    "a value with blanks or any of ( ) = , needs quotes";
const std::string kAlone =
    "a field alone is no condition: compare it, or write 'exists'";

TEST(Slip, KeywordsOfOtherLanguages) {
  expect({
      {"a && b", "write 'and'"},
      {"a.b = c && d", "write 'and'"},
      {"a.b exists || c", "write 'or'"},
      {"a.b in (c) || d", "write 'or'"},
      {"!a", "write 'not'"},
      {"a and !(b)", "write 'not'"},
      {"a and && b", "one side of '&&' is missing"},
      {"or(a)", "one side of 'or' is missing"},
      {"a # b", "there are no comments in conditions"},
      {"# a", "there are no comments in conditions"},
  });
}

TEST(Slip, KeywordsMisspelledOrMisplaced) {
  expect({
      {"a AND b", "keywords are in lower case: write 'and'"},
      {"a.b = c Or d", "keywords are in lower case: write 'or'"},
      {"NOT a", "keywords are in lower case: write 'not'"},
      {"a not b", "write 'and not' or 'or not'"},
      {"a andb", "'and' wants a blank or '(' behind it"},
      {"a or\"b\"", "'or' wants a blank or '(' behind it"},
      {"a or(b) and c", "write a blank behind 'or': 'or(' ends at its ')'"},
      {"a or(b) c", ""},
      {"and a",
       "'and' stands where a macro does, and is read as the name of "
       "one"},
      {"a and not b c", ""},
  });
}

TEST(Slip, Operators) {
  expect({
      {"a.b <> c", "write '!='"},
      {"a.b ! = c", "write '!='"},
      {"a.b !~ c", "write 'not' before the field and 'regex' behind it"},
      {"a.b ~ c", "write 'regex'"},
      {"a.b =~ c", "for a regular expression write 'regex'"},
      {"a.b => 5", "write '>='"},
      {"a.b =< 5", "write '<='"},
      {"a.b > = 5", "did you mean '>='?"},
      {"a.b === c", "did you mean '='?"},
      {"a.b !== c", "did you mean '!='?"},
      {"a.b IS c", "write '='"},
      {"a.b like c", "write 'glob'"},
      {"a.b not in (c)", "'not' goes before the field"},
      {"a.b contain c", "did you mean 'contains'?"},
      {"a.b startwith c", "did you mean 'startswith'?"},
      {"a.b EXISTS", "did you mean 'exists'?"},
      {"a.b In (c)", "did you mean 'in'?"},
      {"a.b containsvalue", "'contains' wants a blank behind it"},
      {"a.b glob\"c\"", "'glob' wants a blank behind it"},
      {"a.b invalid c",
       "'invalid' is read as an operator and the name of a "
       "list"},
      {"a.b", kAlone},
      {"(a.b)", kAlone},
      {"a.b and c", kAlone},
      {"a.b && c", kAlone},
      {"a.b [1] = c", "no blank may stand before '['"},
      {"a.b ? c", ""},
      {"a.b somewhat c", ""},
  });
}

TEST(Slip, FieldsAndMacros) {
  expect({
      {"proc = c", "'proc' has no dot, and so is a macro and no field"},
      {"proc in (c)", "'proc' has no dot, and so is a macro and no field"},
      {"\"c\" = a.b", "the field stands on the left of the operator"},
      {"1 = a.b", "the field stands on the left of the operator"},
      {"“c” = a.b", "the field stands on the left of the operator"},
      {"a.b exists c", "'exists' takes no value"},
      {"a.b[c d] exists",
       "an argument with blanks, brackets or quotes in it needs quotes"},
  });
}

TEST(Slip, Values) {
  expect({
      {"a.b = ", "the empty text is \"\""},
      {"a.b = ,", kQuoting},
      {"a.b = (c)", "for one of several values write 'in (…)'; " + kQuoting},
      {"a.b = c d", kQuoting},
      {"a.b = c(d)", kQuoting},
      {"a.b = c=d", kQuoting},
      {"a.b = c, d", kQuoting},
      {"a.b = c\"d\"", kQuoting},
      {"a.b = c d.e = f",
       "'and' or 'or' is missing, or the value needs quotes"},
      {"a.b = “c d”", "typographic quotes do not quote: write \" or '"},
      {"a.b = \"c\"d\"", "inside a quoted text its quote is written \\\""},
      {"a.b = 'it's'", "inside a quoted text its quote is written \\'"},
      {"a.b = \"c\" d", ""},
      {"a.b = \"c", ""},
      {"a.b = \"c\\\"",
       "a quote with a backslash before it does not end the text"},
      {"a.b = \"\\d\"", "a backslash itself is written \\\\"},
      {"a.b = \"\\'\"", "only the quote that ends the text needs a backslash"},
      {"a.b = \"\\x4\"", "two digits follow, as in \\x2e"},
      {"a.b > \"5\"", "numbers go without quotes"},
      {"a.b > c.d", "to compare with another field write 'val(c.d)'"},
      {"a.b > anyof (5)", "'anyof' does not go with '>'"},
      {"a.b > five", ""},
  });
}

TEST(Slip, Lists) {
  expect({
      {"a.b in c, d", "values stand in parentheses"},
      {"a.b in c.d", "values stand in parentheses"},
      {"a.b in \"c\"", "values stand in parentheses"},
      {"a.b in [c]", "values stand in parentheses"},
      {"a.b in c d", ""},
      {"a.b in", ""},
      {"a.b in (c,)", "a value follows each ','"},
      {"a.b in (,c)", "a value follows each ','"},
      {"a.b in (=)", kQuoting},
      {"a.b in ((c))", "lists do not hold lists"},
      {"a.b in (c d)", "a ',' separates each from the next"},
      {"a.b in (c and d", "')' is missing before 'and'"},
      {"a.b in (c = d", "')' is missing before '='"},
      {"a.b in (len(c.d))", "lists hold neither calls nor lists"},
      {"a.b in oneof (c)",
       "'oneof' goes with operators that compare with one value"},
  });
}

TEST(Slip, Quantifiers) {
  expect({
      {"a.b = oneof(c)", "'oneof' wants a blank before and behind it"},
      {"a.b =oneof (c)", "'oneof' wants a blank before and behind it"},
      {"a.b = OneOf (c)", "did you mean 'oneof'?"},
      {"a.b = anyoff (c)", "did you mean 'anyof'?"},
  });
}

TEST(Slip, Calls) {
  expect({
      {"tolowr(a.b) = c", "did you mean 'tolower'?"},
      {"ToLower(a.b) = c", "did you mean 'tolower'?"},
      {"f(a.b) = c",
       "there are tolower, toupper, b64, basename, len, join, "
       "concat, getopt, val"},
      {"tolower (a.b) = c", "no blank may stand between 'tolower' and its '('"},
      {"a.b = val (c.d)", "no blank may stand between 'val' and its '('"},
      {"a.b in val (c.d)", "no blank may stand between 'val' and its '('"},
      {"a.b = touper(c.d)", "did you mean 'toupper'?"},
      {"val(a.b) = c", "'val' stands only on the right of an operator"},
      {"len(val(a.b)) = c",
       "'val' stands only on the right of an operator: leave it out"},
      {"a.b = val(len(c.d))", "'val' takes nothing but a field"},
      {"len(a) = 1", "a field has a dot in its name, and a text needs quotes"},
      {"len(tolowr(a.b)) = 1", "did you mean 'tolower'?"},
      {"len() = 1", "an argument follows a '(', and each ','"},
      {"concat(a.b,) = 1", "an argument follows a '(', and each ','"},
      {"join(((a.b))) = 1", "lists do not hold lists"},
      {"len(a.b [1]) = 1", "no blank may stand before '['"},
      {"len(a.b = 1", "')' is missing before '='"},
      {"len(a.b exists", "')' is missing before 'exists'"},
      {"concat(a.b c.d) = 1", "a ',' separates each from the next"},
  });
}

TEST(Slip, KnowsQuotesThatQuoteNothing) {
  for (const std::string text : {"“a", "”", "„a", "‘a", "’"}) {
    EXPECT_TRUE(begins_with_typographic_quote(text)) << text;
  }
  for (const std::string text : {"", "a“", "\"", "é"}) {
    EXPECT_FALSE(begins_with_typographic_quote(text)) << text;
  }
}

}  // namespace
}  // namespace bailiff::syntax
