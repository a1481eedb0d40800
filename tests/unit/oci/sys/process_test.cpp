// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/process.h"

#include <gtest/gtest.h>
#include <limits.h>
#include <sys/resource.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "oci/sys/files.h"

namespace bailiff {
namespace {

// The slots of this process's descriptor table.
int table_size() {
  std::istringstream status(*read_bounded("/proc/self/status", 1 << 16));
  std::string word;
  while (status >> word) {
    if (word == "FDSize:") break;
  }
  int slots = 0;
  status >> slots;
  return slots;
}

TEST(RaiseDescriptorLimit, GoesAsFarAsItMayAndNeverDown) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 128, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  rlimit now{};
  const auto soft = [&] {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
    return now.rlim_cur;
  };
  EXPECT_TRUE(raise_descriptor_limit(256));
  EXPECT_EQ(soft(), 256U);
  EXPECT_TRUE(raise_descriptor_limit(64));
  EXPECT_EQ(soft(), 256U);
  EXPECT_TRUE(raise_descriptor_limit(INT_MAX));
  EXPECT_EQ(soft(), std::min<rlim_t>(before.rlim_max, INT_MAX));
  EXPECT_EQ(now.rlim_max, before.rlim_max);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(ReserveDescriptors, MakesRoomInTheTable) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GE(limit.rlim_cur, 512U);
  ASSERT_TRUE(reserve_descriptors(512));
  EXPECT_GE(table_size(), 512);
}

TEST(ReserveDescriptors, TakesWhatTheLimitAllows) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit low{.rlim_cur = 128, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_TRUE(reserve_descriptors(1 << 20));
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_GE(table_size(), 128);
}

}  // namespace
}  // namespace bailiff
