// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <sys/resource.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <thread>

#include "oci/sys/files.h"
#include "oci/sys/unique_fd.h"

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

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(KeepOnlyDescriptor, ClosesTheOthersForThisThreadAlone) {
  const UniqueFd kept(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(kept && other);
  for (const int only : {kept.get(), -1}) {
    bool done = false;
    bool has_kept = false;
    bool has_others = true;
    std::thread([&] {
      done = static_cast<bool>(keep_only_descriptor(only));
      has_kept = is_open(kept.get());
      has_others = is_open(other.get()) || is_open(0);
    }).join();
    EXPECT_TRUE(done);
    EXPECT_EQ(has_kept, only >= 0);
    EXPECT_FALSE(has_others);
    EXPECT_TRUE(is_open(kept.get()));
    EXPECT_TRUE(is_open(other.get()));
  }
}

}  // namespace
}  // namespace bailiff
