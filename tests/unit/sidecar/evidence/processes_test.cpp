// SPDX-License-Identifier: Apache-2.0
//
// On real processes in real cgroups below the unified hierarchy.
#include "sidecar/evidence/processes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "oci/sys/files.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

using testing::HasSubstr;

// A process of the cgroup that runs what a descriptor is of, until this ends.
class Contained {
 public:
  Contained(const ScratchCgroup& cgroup, int program) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      write_file(cgroup.path() + "/cgroup.procs", "0");
      std::string name = "sleep";
      std::string time = "1000";
      char* const arguments[] = {name.data(), time.data(), nullptr};
      char* const nothing[] = {nullptr};
      ::fexecve(program, arguments, nothing);
      ::_exit(127);
    }
    writer = UniqueFd();
    char byte = 0;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 0);  // closed by the exec
  }
  ~Contained() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Contained(const Contained&) = delete;
  Contained& operator=(const Contained&) = delete;

 private:
  pid_t pid_ = -1;
};

// A copy of a program that waits, in an empty file; opened anew, as nobody may
// execute what is open for writing.
UniqueFd program_in(const UniqueFd& empty) {
  EXPECT_TRUE(write_all(empty.get(), "program", read_file("/bin/sleep")));
  EXPECT_EQ(::fchmod(empty.get(), 0755), 0);
  const std::string link = "/proc/self/fd/" + std::to_string(empty.get());
  return UniqueFd(::open(link.c_str(), O_PATH | O_CLOEXEC));
}

class ProcessesTest : public testing::Test {
 protected:
  // Of a process that runs it.
  CollectedProcesses read_with(UniqueFd program) {
    const Contained process(cgroup_, program.get());
    const Pace pace(std::chrono::steady_clock::now(), std::chrono::seconds(60));
    return read_processes(*cgroup_.open(), pace, missing_);
  }

  ScratchCgroup cgroup_{"processes"};
  MissingList missing_;
};

TEST_F(ProcessesTest, HoldsAProgramOfMemoryOnly) {
  UniqueFd file(::memfd_create("evil", MFD_CLOEXEC));
  UniqueFd program = program_in(file);
  file = UniqueFd();
  const CollectedProcesses found = read_with(std::move(program));
  ASSERT_EQ(found.processes.size(), 1U);
  EXPECT_EQ(found.processes[0].program, 0);
  ASSERT_EQ(found.programs.size(), 1U);
  EXPECT_EQ(found.programs[0].file_system, "");
  EXPECT_TRUE(found.programs[0].file.open());
  EXPECT_TRUE(missing_.empty());
}

// Whoever serves such a mount may never answer.
TEST_F(ProcessesTest, HoldsNoProgramOfAMountThatIsInNoTable) {
  const UniqueFd system(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  ASSERT_EQ(::fsconfig(system.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
            0);
  const UniqueFd mount(::fsmount(system.get(), FSMOUNT_CLOEXEC, 0));
  ASSERT_TRUE(mount);
  UniqueFd file(
      ::openat(mount.get(), "evil", O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
  UniqueFd program = program_in(file);
  file = UniqueFd();
  const CollectedProcesses found = read_with(std::move(program));
  ASSERT_EQ(found.processes.size(), 1U);
  EXPECT_EQ(found.processes[0].program, -1);
  EXPECT_TRUE(found.programs.empty());
  ASSERT_EQ(missing_.list().size(), 1U);
  EXPECT_THAT(missing_.list()[0].member, HasSubstr("/exe"));
  EXPECT_THAT(missing_.list()[0].reason, HasSubstr("mount"));
}

TEST(FileSystemOf, FindsTheMountByItsId) {
  const std::string table =
      "36 35 98:0 / /a rw shared:1 - overlay overlay rw\n"
      "37 35 0:50 / /b rw - fuse.sshfs host: rw\n"
      "38 35 0:51 / /c rw - fus";
  EXPECT_EQ(file_system_of(table, 36), "overlay");
  EXPECT_EQ(file_system_of(table, 37), "fuse.sshfs");
  EXPECT_EQ(file_system_of(table, 38), std::nullopt);  // cut off
  EXPECT_EQ(file_system_of(table, 3), std::nullopt);
  EXPECT_EQ(file_system_of("", 0), std::nullopt);
}

}  // namespace
}  // namespace bailiff::sidecar
