// SPDX-License-Identifier: Apache-2.0
#include "rules/base/box.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

TEST(Box, CopiesItsValue) {
  Box<int> first(1);
  Box<int> second = first;
  *second = 2;
  EXPECT_EQ(*first, 1);
  EXPECT_EQ(*second, 2);
}

TEST(Box, ComparesItsValue) {
  EXPECT_EQ(Box<int>(1), Box<int>(1));
  EXPECT_FALSE(Box<int>(1) == Box<int>(2));
}

TEST(Box, SurvivesAssigningToItself) {
  Box<int> box(1);
  Box<int>& same = box;
  box = same;
  EXPECT_EQ(*box, 1);
}

}  // namespace
}  // namespace bailiff
