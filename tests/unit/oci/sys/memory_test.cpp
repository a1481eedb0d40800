// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff {
namespace {

// File systems as a host has them, of 64 MiB free.
class MemoryBelowLimits : public testing::Test {
 protected:
  MemoryBelowLimits() {
    write("/proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 65536 kB\n");
  }

  void write(const std::string& path, const std::string& text) {
    const std::string whole = scratch_.path() + path;
    std::filesystem::create_directories(
        std::filesystem::path(whole).parent_path());
    std::ofstream(whole) << text;
  }
  std::uint64_t left() const { return memory_below_limits(scratch_.path()); }

  ScratchFolder scratch_;
};

constexpr std::uint64_t kMib = 1 << 20;

TEST_F(MemoryBelowLimits, IsWhatTheHostHas) { EXPECT_EQ(left(), 64 * kMib); }

TEST_F(MemoryBelowLimits, IsWhatTheNarrowestCgroupLeaves) {
  write("/proc/self/cgroup", "0::/a/b\n");
  write("/sys/fs/cgroup/a/memory.max", "16777216\n");
  write("/sys/fs/cgroup/a/memory.current", "8388608\n");
  write("/sys/fs/cgroup/a/memory.stat", "anon 4194304\nfile 4194304\n");
  write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  write("/sys/fs/cgroup/a/b/memory.current", "8388608\n");
  EXPECT_EQ(left(), 12 * kMib);
  write("/sys/fs/cgroup/a/b/memory.max", "4194304\n");
  EXPECT_EQ(left(), 0);
}

TEST_F(MemoryBelowLimits, IsLimitedByVersion1Too) {
  write("/proc/self/cgroup", "4:memory:/a\n1:cpu:/\n0::/\n");
  const std::string folder = "/sys/fs/cgroup/memory";
  write(folder + "/memory.limit_in_bytes", "9223372036854771712\n");
  write(folder + "/memory.usage_in_bytes", "1\n");
  write(folder + "/a/memory.limit_in_bytes", "33554432\n");
  write(folder + "/a/memory.usage_in_bytes", "16777216\n");
  write(folder + "/a/memory.stat", "cache 1\ntotal_cache 8388608\n");
  EXPECT_EQ(left(), 24 * kMib);
}

TEST_F(MemoryBelowLimits, IsThatOfTheMountWhereOursIsOutside) {
  write("/proc/self/cgroup", "4:memory:/docker/c1\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n");
  write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "16777216\n");
  EXPECT_EQ(left(), 16 * kMib);
}

}  // namespace
}  // namespace bailiff
