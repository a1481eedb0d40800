// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/undo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::hook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Undo, TakesTheLastStepBackFirst) {
  std::vector<int> steps;
  {
    Undo undo;
    undo.add([&] { steps.push_back(1); });
    undo.add([&] { steps.push_back(2); });
  }
  EXPECT_THAT(steps, ElementsAre(2, 1));
}

TEST(Undo, DoesNothingOnceTheChangeIsKept) {
  std::vector<int> steps;
  {
    Undo undo;
    undo.add([&] { steps.push_back(1); });
    undo.keep();
  }
  EXPECT_THAT(steps, IsEmpty());
}

}  // namespace
}  // namespace bailiff::hook
