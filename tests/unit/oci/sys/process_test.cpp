// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/process.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

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
