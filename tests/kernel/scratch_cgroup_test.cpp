// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/scratch_cgroup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

// A number that is nobody's: of a process that has ended.
pid_t dead_pid() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

// A cgroup as a process with that number makes it.
std::string left_by(pid_t pid) {
  const auto mount = CgroupMount::find();
  EXPECT_TRUE(mount);
  std::string path =
      mount->path + "/bailiff-test-" + std::to_string(pid) + "-abcdef";
  EXPECT_EQ(::mkdir(path.c_str(), 0755), 0);
  return path;
}

TEST(ScratchCgroup, RemovesWhatAProcessThatWasKilledLeft) {
  const std::string left = left_by(dead_pid());
  const auto cgroup = make_cgroup();
  EXPECT_NE(::access(left.c_str(), F_OK), 0);
}

TEST(ScratchCgroup, LeavesThoseOfProcessesThatRun) {
  const std::string used = left_by(::getppid());
  const auto cgroup = make_cgroup();
  EXPECT_EQ(::rmdir(used.c_str()), 0);
}

TEST(ScratchCgroup, IsGoneWithItsOwner) {
  std::string path;
  {
    const auto cgroup = make_cgroup();
    path = cgroup.cgroup().path();
    EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace bailiff::test
