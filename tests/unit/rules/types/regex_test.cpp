// SPDX-License-Identifier: Apache-2.0
#include "rules/types/regex.h"

#include <gtest/gtest.h>

#include <string>

namespace bailiff {
namespace {

TEST(Regex, SaysWhatIsWrongWithAPattern) {
  const Result<Regex> regex = Regex::compile("a(");
  ASSERT_FALSE(regex);
  EXPECT_EQ(regex.error().message, "invalid regular expression: missing ): a(");
}

TEST(Regex, IsPosix) {
  EXPECT_FALSE(Regex::compile("(?i)a"));
  EXPECT_TRUE(Regex::compile("[[:alpha:]]+")->matches("abc"));
}

TEST(Regex, TakesBytesThatAreNoUtf8) {
  EXPECT_TRUE(
      Regex::compile("a.b")->matches("a\xff"
                                     "b"));
  EXPECT_FALSE(
      Regex::compile("a.b")->matches("a\xff\xff"
                                     "b"));
}

}  // namespace
}  // namespace bailiff
