// SPDX-License-Identifier: Apache-2.0
#include "rules/document/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace bailiff {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

TEST(Utf8, TakesText) {
  EXPECT_EQ(first_bad_byte(""), kNone);
  EXPECT_EQ(first_bad_byte("a\tb\r\n"), kNone);
  EXPECT_EQ(first_bad_byte("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), kNone);
}

TEST(Utf8, FindsControlCharacters) {
  EXPECT_EQ(first_bad_byte("a\x04"), 1U);
  EXPECT_EQ(first_bad_byte(std::string_view("a\0b", 3)), 1U);
  EXPECT_EQ(first_bad_byte("a\x7f"), 1U);
}

TEST(Utf8, FindsBytesThatAreNoCharacter) {
  EXPECT_EQ(first_bad_byte("ab\xff"), 2U);
  EXPECT_EQ(first_bad_byte("a\x80"), 1U);
  EXPECT_EQ(first_bad_byte("\xe2\x82"), 0U);
  EXPECT_EQ(first_bad_byte("\xc3("), 0U);
}

TEST(Utf8, FindsCharactersThatMustNotBeWrittenSo) {
  EXPECT_EQ(first_bad_byte("\xc0\x80"), 0U);          // overlong
  EXPECT_EQ(first_bad_byte("\xe0\x80\xaf"), 0U);      // overlong
  EXPECT_EQ(first_bad_byte("\xed\xa0\x80"), 0U);      // a surrogate
  EXPECT_EQ(first_bad_byte("\xf4\x90\x80\x80"), 0U);  // past U+10FFFF
}

}  // namespace
}  // namespace bailiff
