// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/printer.h"

#include <gtest/gtest.h>

#include <string>

#include "rules/syntax/lexer.h"
#include "rules/syntax/parser.h"

namespace bailiff::syntax {
namespace {

TEST(Quote, IsUndoneByUnquote) {
  for (const std::string& text :
       {std::string("a"), std::string(), std::string("a b"),
        std::string("\"\\\"\\\\"), std::string("end\\"), std::string("\\\""),
        std::string("\n\t\x7f\x01"), std::string("caf\xc3\xa9"),
        std::string("'"), std::string("a\0b", 3)}) {
    EXPECT_EQ(unquote(quote(text)), text) << quote(text);
  }
}

TEST(Printer, PrintsWhatParsesToTheSameTree) {
  for (const std::string text :
       {"a", "not a", "not (not (a))", "a and (b or c) and not (d and e)",
        "(a or b) or c", "x.y = \"p q\\\"\" and x.y in (a, \"b\", 'c d')",
        "(x.y = anyof) and a", "x.y[\"k v\"] < -3 or x.y in list",
        "(not) and (not (not))", "and and or or or"}) {
    const auto parse = [](const std::string& condition) {
      LocatedText located;
      located.push_run(condition, 0, 0);
      Diagnostics diagnostics;
      return parse_condition(located, {}, diagnostics);
    };
    const auto first = parse(text);
    ASSERT_TRUE(first) << text;
    const auto second = parse(print(*first));
    ASSERT_TRUE(second) << print(*first);
    EXPECT_EQ(*first, *second) << text << " and " << print(*first);
  }
}

}  // namespace
}  // namespace bailiff::syntax
