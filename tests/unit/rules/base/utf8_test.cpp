// SPDX-License-Identifier: Apache-2.0
#include "rules/base/utf8.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

TEST(Utf8, KnowsItsCharacters) {
  EXPECT_EQ(first_utf8_character("a").code, 'a');
  EXPECT_EQ(first_utf8_character("\xc3\xa9x").code, 0xe9U);
  EXPECT_EQ(first_utf8_character("\xe2\x82\xac").bytes, 3U);
  EXPECT_EQ(first_utf8_character("\xf0\x9f\x98\x80").code, 0x1f600U);
}

TEST(Utf8, RefusesWhatRfc3629Does) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\xc3\xa9"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xe0\x9f\xbf"));      // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // past U+10FFFF
  EXPECT_FALSE(is_utf8("\xc3"));              // cut off
  EXPECT_FALSE(is_utf8("\x80"));
}

TEST(Utf8, ReplacesEachBadByte) {
  EXPECT_EQ(replaced_utf8("a\xff\xc3z"), "a\xef\xbf\xbd\xef\xbf\xbdz");
  EXPECT_EQ(replaced_utf8("\xc3\xa9"), "\xc3\xa9");
}

}  // namespace
}  // namespace bailiff
