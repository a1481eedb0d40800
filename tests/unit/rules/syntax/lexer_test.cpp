// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/lexer.h"

#include <gtest/gtest.h>

#include <string>

namespace bailiff::syntax {
namespace {

TEST(Unquote, UndoesEscapes) {
  EXPECT_EQ(unquote("\"5.255.97.172\""), "5.255.97.172");
  EXPECT_EQ(unquote("'a \"b\"'"), "a \"b\"");
  EXPECT_EQ(unquote(R"("\"\n\t\\x\/")"), "\"\n\t\\x/");
  EXPECT_EQ(unquote(R"("\x41\x7a")"), "Az");
  EXPECT_EQ(unquote(R"("a\ b")"), "a\\b");
  EXPECT_EQ(unquote("\"\""), "");
}

TEST(Unquote, RefusesWhatIsNoQuotedString) {
  EXPECT_FALSE(unquote(""));
  EXPECT_FALSE(unquote("a"));
  EXPECT_FALSE(unquote("\"a"));
  EXPECT_FALSE(unquote("\"a\"b"));
  EXPECT_FALSE(unquote(R"("\q")"));
  EXPECT_FALSE(unquote(R"("\x4")"));
  EXPECT_FALSE(unquote("\"a'"));
}

TEST(Unquote, EndsAtTheQuoteWithoutABackslashBeforeIt) {
  EXPECT_FALSE(unquote(R"("a\\")"));
  EXPECT_EQ(unquote(R"('a\\'')"), "a\\'");
}

TEST(Lexer, TakesFieldsWithAtLeastTwoParts) {
  EXPECT_TRUE(Lexer("a.b").try_field());
  EXPECT_FALSE(Lexer("a").try_field());
  EXPECT_FALSE(Lexer("1.b").try_field());
  Lexer lexer("a.b.1");
  const auto field = lexer.try_field();
  ASSERT_TRUE(field);
  EXPECT_EQ(lexer.text(*field), "a.b");
}

TEST(Lexer, TakesNumbers) {
  for (const std::string text :
       {"0", "-1", "+12", "1.5", "1.", "2e+3", "2.5E-10", "0x1bB"}) {
    Lexer lexer(text);
    ASSERT_TRUE(lexer.try_number()) << text;
    EXPECT_TRUE(lexer.at_end()) << text;
  }
  for (const std::string text : {"", "-", "a", ".5"}) {
    EXPECT_FALSE(Lexer(text).try_number()) << text;
  }
}

TEST(Lexer, KeywordsNeedABlankParenthesisOrTheEndBehindThem) {
  EXPECT_TRUE(Lexer("and ").try_keyword("and"));
  EXPECT_TRUE(Lexer("and(").try_keyword("and"));
  EXPECT_TRUE(Lexer("and").try_keyword("and"));
  EXPECT_FALSE(Lexer("andb").try_keyword("and"));
  EXPECT_FALSE(Lexer("and)").try_keyword("and"));
  EXPECT_FALSE(Lexer("AND ").try_keyword("and"));
}

TEST(Lexer, WordsNeedABlankBehindThemWhichTheyTake) {
  Lexer lexer("glob \t x");
  ASSERT_TRUE(lexer.try_word("glob"));
  EXPECT_EQ(lexer.rest(), "x");
  for (const std::string text : {"glob", "glob(", "globx", "Glob x"}) {
    Lexer other(text);
    EXPECT_FALSE(other.try_word("glob")) << text;
    EXPECT_EQ(other.rest(), text);
  }
}

TEST(Lexer, LooksForKeywordsAsFalcoDoes) {
  for (const std::string text : {"and", "or x", "not(", "and_x"}) {
    EXPECT_TRUE(Lexer(text).next_is_keyword()) << text;
  }
  for (const std::string text : {"andx", "or1", "", "xor", "Not"}) {
    EXPECT_FALSE(Lexer(text).next_is_keyword()) << text;
  }
}

TEST(Cut, KeepsCharactersWhole) {
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abc", 2), "ab");
  EXPECT_EQ(cut("a\xc3\xa9", 2), "a");
  EXPECT_EQ(cut("\xe2\x80\x9c", 2), "");
}

}  // namespace
}  // namespace bailiff::syntax
