// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/held_answers.h"

#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

using Time = HeldAnswers::Time;

constexpr Time kThen{std::chrono::seconds(10)};
constexpr Time kLater{std::chrono::seconds(20)};

HeldAnswer answer_of(std::uint32_t tid, bailiff_call call) {
  return {.id = "c1", .tid = tid, .call = call, .refused = true};
}

TEST(HeldAnswers, AreFoundByTheCallerAndItsCall) {
  HeldAnswers answers;
  EXPECT_TRUE(answers.empty());
  ASSERT_TRUE(answers.add(answer_of(7, BAILIFF_CALL_MKDIR), kThen));
  ASSERT_TRUE(answers.add(answer_of(8, BAILIFF_CALL_COUNT), kThen));
  EXPECT_FALSE(answers.take(9, BAILIFF_CALL_MKDIR));
  EXPECT_FALSE(answers.take(7, BAILIFF_CALL_RMDIR));
  EXPECT_TRUE(answers.take(7, BAILIFF_CALL_MKDIR));
  EXPECT_FALSE(answers.take(7, BAILIFF_CALL_MKDIR));
  // Which call it was, nobody knew.
  EXPECT_TRUE(answers.take(8, BAILIFF_CALL_RMDIR));
  EXPECT_TRUE(answers.empty());
}

TEST(HeldAnswers, ThatNobodyToldOfAreTakenLater) {
  HeldAnswers answers;
  ASSERT_TRUE(answers.add(answer_of(7, BAILIFF_CALL_MKDIR), kThen));
  EXPECT_TRUE(answers.take_untold(kThen).empty());
  // The caller makes another call, so the first one has returned.
  ASSERT_TRUE(answers.add(answer_of(7, BAILIFF_CALL_RMDIR), kLater));
  std::vector<HeldAnswer> untold = answers.take_untold(kThen);
  ASSERT_EQ(untold.size(), 1U);
  EXPECT_EQ(untold.front().call, BAILIFF_CALL_MKDIR);
  untold = answers.take_untold(kLater + std::chrono::seconds(1));
  ASSERT_EQ(untold.size(), 1U);
  EXPECT_EQ(untold.front().call, BAILIFF_CALL_RMDIR);
  EXPECT_TRUE(answers.empty());
}

TEST(HeldAnswers, AreNoMoreThanTheirLimit) {
  HeldAnswers answers;
  for (std::uint32_t tid = 1; tid <= kMaxHeldAnswers; ++tid) {
    ASSERT_TRUE(answers.add(answer_of(tid, BAILIFF_CALL_MKDIR), kThen));
  }
  EXPECT_FALSE(answers.add(answer_of(0x7fff'ffff, BAILIFF_CALL_MKDIR), kThen));
}

}  // namespace
}  // namespace bailiff::sidecar
