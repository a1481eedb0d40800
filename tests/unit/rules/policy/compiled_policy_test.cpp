// SPDX-License-Identifier: Apache-2.0
#include "rules/policy/compiled_policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff {
namespace {

using Texts = std::vector<std::string>;

TEST(Names, AreThoseOfThePolicyFile) {
  EXPECT_EQ(to_string(Mode::kEnforce), "enforce");
  EXPECT_EQ(to_string(Mode::kMonitor), "monitor");
  EXPECT_EQ(to_string(Response::kNone), "none");
  EXPECT_EQ(to_string(Response::kKillProcess), "kill_process");
  EXPECT_EQ(to_string(Response::kIsolate), "isolate");
  EXPECT_EQ(to_string(Response::kPause), "pause");
  EXPECT_EQ(to_string(Response::kStop), "stop");
  EXPECT_EQ(to_string(Response::kKill), "kill");
}

TEST(Flatten, TakesEachItemOnceInOrder) {
  const std::vector<List> lists = {
      {.name = "a", .items = {"1", "2", "1"}, .includes = {1, 2}},
      {.name = "b", .items = {"3", "2"}, .includes = {2}},
      {.name = "c", .items = {"4"}, .includes = {}},
  };
  EXPECT_EQ(flatten(lists, 0), (Texts{"1", "2", "3", "4"}));
  EXPECT_EQ(flatten(lists, 2), Texts{"4"});
  EXPECT_EQ(with_included(lists, 0), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST(Flatten, EndsOnLoopsAndBadIndices) {
  const std::vector<List> lists = {
      {.name = "a", .items = {"1"}, .includes = {1}},
      {.name = "b", .items = {"2"}, .includes = {0, 7}},
  };
  EXPECT_EQ(flatten(lists, 0), (Texts{"1", "2"}));
  EXPECT_EQ(flatten(lists, 9), Texts{});
}

}  // namespace
}  // namespace bailiff
