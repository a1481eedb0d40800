// SPDX-License-Identifier: Apache-2.0
// The grammar of rules/syntax/parser.h, rule by rule: what each takes, as
// printed again, and what it refuses, with the place.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/syntax/parser.h"
#include "rules/syntax/printer.h"

namespace bailiff::syntax {
namespace {

struct Case {
  std::string text;
  // The condition printed again; or "OFFSET: " and the message.
  std::string result;
};

std::string parsed(const std::string& text) {
  LocatedText located;
  located.push_run(text, 0, 0);
  Diagnostics diagnostics;
  const auto node = parse_condition(located, {}, diagnostics);
  EXPECT_EQ(node.has_value(), !diagnostics.has_errors()) << text;
  if (node) return print(*node);
  const Diagnostic& last = diagnostics.all().back();
  return std::to_string(last.span.begin) + ": " + last.message;
}

void expect(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    EXPECT_EQ(parsed(one.text), one.result) << one.text;
  }
}
void expect_same(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) EXPECT_EQ(parsed(text), text);
}

std::string spaced(const std::vector<std::string>& words) {
  std::string result;
  for (const std::string& word : words) {
    if (!result.empty()) result += ' ';
    result += word;
  }
  return result;
}

const std::string kMore = "expected 'and', 'or' or the end of the condition";
const std::string kCheck = "expected a field, a macro, 'not' or '('";
const std::string kSimple = "a field, a transformer, a quoted text";

TEST(Grammar, Expr) {
  expect({
      {"a or b", "a or b"},
      {"a or b or c", "a or b or c"},
      {"a or (b or c)", "a or (b or c)"},
      {"a\nor\tb", "a or b"},
      {"(a)or(b)", "a or b"},
      {"a or(b)or(c)", "a or b or c"},
      {"a or(b) or c and d", "a or b or c and d"},
      {"a or (b) and c", "a or b and c"},
      {"a or or", "a or or"},
      {"or", "or"},
      {"a or", "4: unexpected end of the condition, " + kCheck},
      {"a or )", "5: unexpected ')', " + kCheck},
      {"a orb", "2: unexpected 'orb', " + kMore},
      {"a OR b", "2: unexpected 'OR', " + kMore},
      {"a or\"b\"", "2: unexpected 'or\"b\"', " + kMore},
      {"a or(b) and c",
       "8: unexpected 'and', expected 'or' or the end of the condition"},
      {"(a or(b) and c)", "9: unexpected 'and', expected 'or' or ')'"},
  });
}

TEST(Grammar, AndExpr) {
  expect({
      {"a and b and c", "a and b and c"},
      {"a and (b and c)", "a and (b and c)"},
      {"a or b and c or d", "a or b and c or d"},
      {"(a or b) and c", "(a or b) and c"},
      {"a and(b)and(c)", "a and b and c"},
      {"a and(b) and c or d", "a and b and c or d"},
      {"a and not b", "a and not b"},
      {"notz and and_x", "notz and and_x"},
      {"and and and", "and and and"},
      {"a and", "5: unexpected end of the condition, " + kCheck},
      {"and a", "4: unexpected 'a', " + kMore},
      {"a and or b", "9: unexpected 'b', " + kMore},
      {"a andb", "2: unexpected 'andb', " + kMore},
      {"a andnot b", "2: unexpected 'andnot', " + kMore},
      {"(a and b", "0: opening '(' without its closing ')'"},
  });
}

TEST(Grammar, NotExpr) {
  expect({
      {"not a", "not a"},
      {"not(a)", "not a"},
      {"not (a)", "not a"},
      {"not not a", "a"},
      {"not not not a", "not a"},
      {"not not(a)", "a"},
      {"not (not a)", "not (not a)"},
      {"not a and b", "not a and b"},
      {"not (a and b)", "not (a and b)"},
      {"not a.b = c", "not a.b = c"},
      {"nota", "nota"},
      {"not", "(not)"},
      {"a and not", "a and (not)"},
      {"a not b", "2: unexpected 'not', " + kMore},
      {"not )", "4: unexpected ')', " + kCheck},
      {"NOT a", "4: unexpected 'a', " + kMore},
      {"!a", "0: unexpected '!a', " + kCheck},
  });
}

TEST(Grammar, Check) {
  expect({
      {"a", "a"},
      {"a_1", "a_1"},
      {"  a\b\r\n", "a"},
      {"(((a)))", "a"},
      {"( a )", "a"},
      {"a.b exists", "a.b exists"},
      {"len(a.b) exists", "len(a.b) exists"},
      {"", "0: condition is empty"},
      {" \n", "2: condition is empty"},
      {"()", "1: unexpected ')', " + kCheck},
      {"_a", "0: unexpected '_a', " + kCheck},
      {"1", "0: unexpected '1', " + kCheck},
      {"# a", "0: unexpected '#', " + kCheck},
      {"\"a\"", "0: unexpected '\"a\"', " + kCheck},
      {"a b", "2: unexpected 'b', " + kMore},
      {"(a b)", "3: unexpected 'b)', expected 'and', 'or' or ')'"},
      {"((a)", "0: opening '(' without its closing ')'"},
      {"a or (b and (c)", "5: opening '(' without its closing ')'"},
      {"a)", "1: closing ')' without its opening '('"},
      {"(a))", "3: closing ')' without its opening '('"},
      {"a.b)", "3: closing ')' without its opening '('"},
      {"a = b", "2: unexpected '=', " + kMore},
      {"f(a.b) = c", "0: unknown transformer 'f'"},
      {"f (a.b) = c", "2: unexpected '(a.b)', " + kMore},
      {"or(a)", "0: unexpected 'or(a)', " + kCheck},
  });
}

TEST(Grammar, Field) {
  expect({
      {"a.b exists", "a.b exists"},
      {"a1.b_2.c exists", "a1.b_2.c exists"},
      {"a.b[1] exists", "a.b[\"1\"] exists"},
      {"a.b[/x/*:(),=] exists", "a.b[\"/x/*:(),=\"] exists"},
      {"a.b['k v'] exists", "a.b[\"k v\"] exists"},
      {"a.b[\"]\"] exists", "a.b[\"]\"] exists"},
      {"a.b[''] exists", "a.b[\"\"] exists"},
      {"a.b['\\''] exists", "a.b[\"'\"] exists"},
      {"a. exists", "1: unexpected '.', " + kMore},
      {"a.1 exists", "1: unexpected '.1', " + kMore},
      {"a.b.1 exists", "3: unexpected '.1', expected an operator"},
      {"a.b [1] exists", "4: unexpected '[1]', expected an operator"},
      {"a.b[] exists",
       "4: expected a valid field argument: a quoted string or a bare string"},
      {"a.b[ 1] exists",
       "4: expected a valid field argument: a quoted string or a bare string"},
      {"a.b[1 ] exists", "5: expected a ']' token"},
      {"a.b[1", "5: expected a ']' token"},
      {"a.b[x\"y] exists", "5: expected a ']' token"},
      {"a.b[\"x] exists", "4: quoted string without its closing quote"},
  });
}

TEST(Grammar, Cond) {
  expect({
      {"a.b existsand c", "a.b exists and c"},
      {"a.b exists)", "10: closing ')' without its opening '('"},
      {"a.b exists c", "11: unexpected 'c', " + kMore},
      {"a.b", "3: unexpected end of the condition, expected an operator"},
      {"(a.b)", "4: unexpected ')', expected an operator"},
      {"a.b is c", "4: unexpected 'is', expected an operator"},
      {"a.b Exists", "4: unexpected 'Exists', expected an operator"},
      {"a.b <> c", "4: unexpected '<>', expected an operator"},
      {"a.b ! c", "4: unexpected '!', expected an operator"},
  });
}

TEST(Grammar, CondWithNumber) {
  for (const std::string op : {"<", "<=", ">", ">="}) {
    for (const std::string number :
         {"0", "-1", "+1", "1.", "1.5", "1e+5", "1.5E-10", "0x1bB", "0Xff"}) {
      const std::string text = spaced({"a.b", op, number});
      EXPECT_EQ(parsed(text), text);
      EXPECT_EQ(parsed(spaced({"a.b" + op, number})), text);
      EXPECT_EQ(parsed(spaced({"a.b", op + number})), text);
    }
  }
  expect({
      {"a.b > 1and c", "a.b > 1 and c"},
      {"a.b >", "5: unexpected end of the condition, expected a number"},
      {"a.b > x", "6: unexpected 'x', expected a number"},
      {"a.b > \"1\"", "6: unexpected '\"1\"', expected a number"},
      {"a.b > -", "6: unexpected '-', expected a number"},
      {"a.b > .5", "6: unexpected '.5', expected a number"},
      {"a.b > (1)", "6: unexpected '(1)', expected a number"},
      {"a.b > 0xg", "7: unexpected 'xg', " + kMore},
      {"a.b > 1e5", "7: unexpected 'e5', " + kMore},
      {"a.b > 10MB", "8: unexpected 'MB', " + kMore},
      {"a.b > oneof (1)", "6: unexpected 'oneof', expected a number"},
  });
}

TEST(Grammar, CondWithText) {
  for (const std::string op :
       {"=", "!=", "glob", "iglob", "contains", "icontains", "bcontains",
        "startswith", "bstartswith", "endswith", "regex"}) {
    expect_same(
        {"a.b " + op + " c", "a.b " + op + " \"c d\"", "a.b " + op + " not"});
    EXPECT_EQ(parsed("a.b " + op + " "),
              std::to_string(5 + op.size()) +
                  ": unexpected end of the condition, expected a value");
  }
  for (const std::string word :
       {"glob", "contains", "startswith", "endswith", "regex"}) {
    EXPECT_EQ(parsed("a.b " + word + "\n\tc"), "a.b " + word + " c");
    EXPECT_EQ(parsed("a.b " + word + "(c)"),
              "4: unexpected '" + word + "(c)', expected an operator");
    EXPECT_EQ(parsed("a.b " + word + "c"),
              "4: unexpected '" + word + "c', expected an operator");
  }
  expect({
      {"a.b==c", "a.b = c"},
      {"a.b!=c", "a.b != c"},
      {"a.b = =", "6: unexpected '=', expected a value"},
      {"a.b === c", "6: unexpected '=', expected a value"},
      {"a.b = (c)", "6: unexpected '(c)', expected a value"},
      {"a.b = ,", "6: unexpected ',', expected a value"},
      {"a.b = c d", "8: unexpected 'd', " + kMore},
      {"a.b = c,", "7: unexpected ',', " + kMore},
      {"a.b = c(d)", "7: unexpected '(d)', " + kMore},
      {"a.b = c=d", "7: unexpected '=d', " + kMore},
      {"a.b = c\"d\"", "7: unexpected '\"d\"', " + kMore},
  });
}

TEST(Grammar, Str) {
  expect({
      {"a.b = /x/*.y:[1]{2}<3>;!#$%^&|~@`?\\",
       "a.b = /x/*.y:[1]{2}<3>;!#$%^&"
       "|~@`?\\"},
      {"a.b = a.b", "a.b = a.b"},
      {"a.b = 1.2.3.0/24", "a.b = 1.2.3.0/24"},
      {"a.b = caf\xc3\xa9", "a.b = caf\xc3\xa9"},
      {"a.b = \"\"", "a.b = \"\""},
      {"a.b = 'c \"d\"'", "a.b = \"c \\\"d\\\"\""},
      {"a.b = \"it's\"", "a.b = \"it's\""},
      {"a.b = \"\\b\\f\\n\\r\\t\"", "a.b = \"\\x08\\x0c\\x0a\\x0d\\x09\""},
      {"a.b = \"\\\\\\/\\\"\\ x\"", "a.b = \"\\\\/\\\"\\\\x\""},
      {"a.b = '\\''", "a.b = \"'\""},
      {"a.b = \"\\x41\\x7A\\xfF\"", "a.b = \"Az\xff\""},
      {"a.b = \"two\nlines\"", "a.b = \"two\\x0alines\""},
      {"a.b = \"c\"and d", "a.b = \"c\" and d"},
      {"a.b = \"c", "6: quoted string without its closing quote"},
      {"a.b = \"c'", "6: quoted string without its closing quote"},
      {"a.b = \"c\\\"", "6: quoted string without its closing quote"},
      {"a.b = \"c\\\\\"", "6: quoted string without its closing quote"},
      {"a.b = \"\\q\"", "7: unknown escape '\\q' in a quoted string"},
      {"a.b = \"c\\'\"", "8: unknown escape '\\'' in a quoted string"},
      {"a.b = '\\\"'", "7: unknown escape '\\\"' in a quoted string"},
      {"a.b = \"\\\xc3\xa9\"",
       "7: unknown escape '\\\xc3\xa9' in a quoted string"},
      {"a.b = \"\\x4\"", "7: escape '\\x' without its two hexadecimal digits"},
      {"a.b = \"\\xg1\"", "7: escape '\\x' without its two hexadecimal digits"},
      {"a.b = \"c\"d\"", "9: unexpected 'd\"', " + kMore},
  });
}

TEST(Grammar, List) {
  for (const std::string op : {"in", "intersects", "pmatch"}) {
    expect_same({"a.b " + op + " ()", "a.b " + op + " (c)",
                 "a.b " + op + " (c, \"d e\", /f)", "a.b " + op + " c"});
    EXPECT_EQ(parsed("a.b " + op + "(c)"), "a.b " + op + " (c)");
    EXPECT_EQ(parsed("a.b " + op + "c"), "a.b " + op + " c");
  }
  expect({
      {"a.b in( )", "a.b in ()"},
      {"a.b in ( c ,\n'd' )", "a.b in (c, \"d\")"},
      {"a.b in (oneof, and, val)", "a.b in (oneof, and, val)"},
      {"a.b in (c)and d", "a.b in (c) and d"},
      {"a.b in",
       "6: unexpected end of the condition, expected '(' or the name "
       "of a list"},
      {"a.b in \"c\"",
       "7: unexpected '\"c\"', expected '(' or the name of a list"},
      {"a.b in 1.2.3.4",
       "7: unexpected '1.2.3.4', expected '(' or the name of a list"},
      {"a.b in (", "7: opening '(' without its closing ')'"},
      {"a.b in (c", "7: opening '(' without its closing ')'"},
      {"a.b in (c,", "7: opening '(' without its closing ')'"},
      {"a.b in (,)", "8: unexpected ',)', expected a value"},
      {"a.b in (c,)", "10: unexpected ')', expected a value"},
      {"a.b in (c,,d)", "10: unexpected ',d)', expected a value"},
      {"a.b in ((c))", "8: unexpected '(c))', expected a value"},
      {"a.b in (c d)", "10: unexpected 'd)', expected ',' or ')'"},
      {"a.b in (c and d", "10: unexpected 'and', expected ',' or ')'"},
      {"a.b in (len(c.d))", "11: unexpected '(c.d))', expected ',' or ')'"},
      {"a.b in (\"\\q\")", "9: unknown escape '\\q' in a quoted string"},
      {"a.b in c, d", "8: unexpected ',', " + kMore},
      {"a.b in c.d", "8: unexpected '.d', " + kMore},
      {"a.b invalid c", "12: unexpected 'c', " + kMore},
  });
}

TEST(Grammar, Quantifier) {
  for (const std::string op :
       {"=", "!=", "glob", "iglob", "contains", "icontains", "bcontains",
        "startswith", "bstartswith", "endswith", "regex"}) {
    for (const std::string quantifier : {"oneof", "anyof", "allof"}) {
      for (const std::string list : {"()", "(c)", "(c, \"d\")", "c", "oneof"}) {
        expect_same({spaced({"a.b", op, quantifier, list}),
                     spaced({"len(a.b)", op, quantifier, list})});
      }
    }
  }
  expect({
      {"a.b == oneof\n(c)", "a.b = oneof (c)"},
      {"a.b = oneof orlist", "a.b = oneof orlist"},
      // Without a list behind it the word is a value.
      {"a.b = oneof", "a.b = \"oneof\""},
      {"(a.b = anyof)", "a.b = \"anyof\""},
      {"a.b = oneof_x", "a.b = oneof_x"},
      {"a.b = allof and c", "a.b = \"allof\" and c"},
      {"a.b = oneof or c", "a.b = \"oneof\" or c"},
      {"a.b = \"oneof\"", "a.b = \"oneof\""},
      {"a.b =oneof", "a.b = \"oneof\""},
      {"a.b =oneof (c)", "11: unexpected '(c)', " + kMore},
      {"a.b = oneof(c)", "11: unexpected '(c)', " + kMore},
      {"a.b = ONEOF (c)", "12: unexpected '(c)', " + kMore},
      {"a.b = oneof \"c\"", "12: unexpected '\"c\"', " + kMore},
      {"a.b = oneof not c", "12: unexpected 'not', " + kMore},
      {"a.b = oneof not_c", "12: unexpected 'not_c', " + kMore},
      {"a.b = oneof (c", "12: opening '(' without its closing ')'"},
      {"a.b = oneof (c,)", "15: unexpected ')', expected a value"},
      {"a.b in oneof (c)", "13: unexpected '(c)', " + kMore},
  });
}

TEST(Grammar, Call) {
  for (const std::string name : {"tolower", "toupper", "b64", "basename", "len",
                                 "join", "concat", "getopt"}) {
    const std::string call = name + "(a.b)";
    expect_same({call + " exists", call + " = c", call + " < 1",
                 call + " in (c)", "c.d = " + call, "c.d <= " + call,
                 "c.d contains " + call, "c.d in " + call,
                 "c.d intersects " + call, "c.d pmatch " + call,
                 spaced({"not", call, "=", call})});
  }
  expect({
      {"len( a.b )exists", "len(a.b) exists"},
      {"tolower(toupper(a.b[1])) = c", "tolower(toupper(a.b[\"1\"])) = c"},
      {"concat(a.b,\"x\", 1 ,len(c.d)) = e",
       "concat(a.b, \"x\", 1, len(c.d)) = e"},
      {"getopt(a.b, 'n:')[n] = c", "getopt(a.b, \"n:\")[\"n\"] = c"},
      {"getopt(a.b, 'n:')['x y'] = c", "getopt(a.b, \"n:\")[\"x y\"] = c"},
      {"len(getopt(a.b, \"n\")[n])=1", "len(getopt(a.b, \"n\")[\"n\"]) = 1"},
      {"len (a.b) = 1", "4: unexpected '(a.b)', " + kMore},
      {"len() = 1",
       "4: unexpected ')', expected " + kSimple + ", a number or '('"},
      {"len(a.b,) = 1",
       "8: unexpected ')', expected " + kSimple + ", a number or '('"},
      {"len(a) = 1",
       "4: unexpected 'a)', expected " + kSimple + ", a number or '('"},
      {"len(f(a.b)) = 1",
       "4: unexpected 'f(a.b))', expected " + kSimple + ", a number or '('"},
      {"len(val(a.b)) = 1",
       "4: unexpected 'val(a.b))', expected " + kSimple + ", a number or '('"},
      {"len(a.b = 1", "8: unexpected '=', expected ',' or ')'"},
      {"len(a.b [1]) = 1", "8: unexpected '[1])', expected ',' or ')'"},
      {"len(a.b", "0: opening 'len(' without its closing ')'"},
      {"len(", "0: opening 'len(' without its closing ')'"},
      {"c.d = len(b64(a.b)", "6: opening 'len(' without its closing ')'"},
      {"len(a.b))", "8: closing ')' without its opening '('"},
      {"len(a.b)[] = 1",
       "9: expected a valid field argument: a quoted string or a bare string"},
      {"len(a.b)[x = 1", "10: expected a ']' token"},
      {"a.b = f(c.d)", "7: unexpected '(c.d)', " + kMore},
      {"a.b = len (c.d)", "10: unexpected '(c.d)', " + kMore},
      {"(len(a.b)) = 1", "9: unexpected ')', expected an operator"},
  });
}

TEST(Grammar, CallWithList) {
  expect({
      {"join(\"-\", (a.b, \"c\", 1, len(d.e))) = f",
       "join(\"-\", (a.b, \"c\", 1, len(d.e))) = f"},
      {"join('-',( a.b )) = f", "join(\"-\", (a.b)) = f"},
      {"join(\"-\", ()) = f", "join(\"-\", ()) = f"},
      {"concat((), ()) = f", "concat((), ()) = f"},
      {"join((c)) = f",
       "6: unexpected 'c))', expected " + kSimple + " or a number"},
      {"join(((a.b))) = f",
       "6: unexpected '(a.b)))', expected " + kSimple + " or a number"},
      {"join((a.b,)) = f",
       "10: unexpected '))', expected " + kSimple + " or a number"},
      {"join((,)) = f",
       "6: unexpected ',))', expected " + kSimple + " or a number"},
      {"join((a.b c.d)) = f", "10: unexpected 'c.d))', expected ',' or ')'"},
      {"join((a.b", "5: opening '(' without its closing ')'"},
      {"join((a.b) = f", "11: unexpected '=', expected ',' or ')'"},
  });
}

TEST(Grammar, Val) {
  for (const std::string op : {"=", "!=", "<", "<=", ">", ">=", "glob", "regex",
                               "contains", "in", "intersects", "pmatch"}) {
    EXPECT_EQ(parsed("a.b " + op + " val( c.d[1] )"),
              "a.b " + op + " val(c.d[\"1\"])");
  }
  expect({
      {"a.b = val", "a.b = val"},
      {"a.b in val", "a.b in val"},
      {"val", "val"},
      {"val(a.b) = c", "0: unexpected transformer 'val'"},
      {"a.b = val()", "10: unexpected ')', expected a field"},
      {"a.b = val(c)", "10: unexpected 'c)', expected a field"},
      {"a.b = val(len(c.d))", "10: unexpected 'len(c.d))', expected a field"},
      {"a.b = val(val(c.d))", "10: unexpected 'val(c.d))', expected a field"},
      {"a.b = val(c.d, e.f)", "13: unexpected ',', expected ')'"},
      {"a.b = val(c.d", "6: opening 'val(' without its closing ')'"},
      {"a.b = val (c.d)", "10: unexpected '(c.d)', " + kMore},
      {"a.b = oneof val(c.d)", "15: unexpected '(c.d)', " + kMore},
  });
}

// What Falco's engine counts: 999 productions inside one another at most.
TEST(Grammar, BoundsDepth) {
  const auto times = [](int count, const std::string& text) {
    std::string result;
    for (int i = 0; i < count; ++i) result += text;
    return result;
  };
  const auto nested = [&](int count, const std::string& open,
                          const std::string& inner) {
    return parsed(times(count, open) + inner + times(count, ")"));
  };
  const std::string too_deep = "exceeded max depth limit of 1000";

  EXPECT_EQ(nested(199, "(", "a"), "a");
  EXPECT_EQ(nested(200, "(", "a"), "199: " + too_deep);
  EXPECT_EQ(nested(198, "(", "a.b = c"), "a.b = c");
  EXPECT_EQ(nested(199, "(", "a.b = c"), "202: " + too_deep);
  EXPECT_EQ(nested(198, "(", "a.b in ()"), "a.b in ()");
  EXPECT_EQ(nested(199, "(", "a.b in ()"), "202: " + too_deep);
  EXPECT_EQ(nested(197, "(", "a.b in len(c.d)"), "a.b in len(c.d)");
  EXPECT_EQ(nested(198, "(", "a.b in len(c.d)"), "212: " + too_deep);
  EXPECT_EQ(nested(248, "not(", "a").substr(0, 9), "not (not ");
  EXPECT_EQ(nested(249, "not(", "a"), "996: " + too_deep);
  EXPECT_EQ(nested(331, "a and(", "a").substr(0, 9), "a and (a ");
  EXPECT_EQ(nested(332, "a and(", "a"), "1992: " + too_deep);
  EXPECT_EQ(nested(497, "a or(", "a").substr(0, 8), "a or (a ");
  EXPECT_EQ(nested(498, "a or(", "a"), "2490: " + too_deep);
  const std::string calls = times(497, "len(") + "a.b" + times(497, ")");
  EXPECT_EQ(parsed(calls + " = 1"), calls + " = 1");
  EXPECT_EQ(parsed("len(" + calls + ") = 1"), "1992: " + too_deep);
}

TEST(Grammar, DeepNestingIsRefusedAndRepetitionIsNot) {
  const auto times = [](std::size_t count, const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < count; ++i) result += text;
    return result;
  };
  for (const std::string open :
       {"(", "not(", "not (", "a and(", "a or (", "a.b = len(", "concat(("}) {
    EXPECT_NE(parsed(times(100'000, open)).find(": "), std::string::npos);
  }
  EXPECT_EQ(parsed(times(100'001, "not ") + "a"), "not a");
  EXPECT_EQ(parsed("a" + times(2000, " and (a)")), "a" + times(2000, " and a"));
}

}  // namespace
}  // namespace bailiff::syntax
