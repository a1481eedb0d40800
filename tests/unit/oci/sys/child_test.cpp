// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff {
namespace {

Deadline in_an_hour() {
  return std::chrono::steady_clock::now() + std::chrono::hours(1);
}

TEST(RunChild, HandsInputOnAndBringsBackWhatWasPrinted) {
  const auto ran =
      run_child({"sh", "-c", "cat; echo oops >&2; exit 3"}, "in", in_an_hour());
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->exit, 3);
  EXPECT_EQ(ran->out, "in");
  EXPECT_EQ(ran->err, "oops\n");
}

TEST(RunChild, CutsWhatIsPrintedWithoutEnd) {
  const auto ran =
      run_child({"sh", "-c", "head -c 3000000 /dev/zero"}, "", in_an_hour());
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->out.size(), 1U << 20);
}

TEST(RunChild, SaysWhichProgramIsNotThere) {
  const auto ran = run_child({"/no/such/program"}, "", in_an_hour());
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kNotFound);
  EXPECT_THAT(ran.error().message, testing::HasSubstr("/no/such/program"));
}

TEST(RunChild, KillsAtTheDeadline) {
  const auto ran =
      run_child({"sleep", "3600"}, "", std::chrono::steady_clock::now());
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message, testing::HasSubstr("took too long"));
}

TEST(RunChild, TellsTheSignalItDiedOf) {
  const auto ran = run_child({"sh", "-c", "kill -9 $$"}, "", in_an_hour());
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->exit, 137);
}

}  // namespace
}  // namespace bailiff
