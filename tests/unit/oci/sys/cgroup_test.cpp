// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/unit/oci/sys/scratch.h"

namespace bailiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(CgroupMount, FindsTheUnifiedHierarchy) {
  const Result<CgroupMount> mount = CgroupMount::find();
  ASSERT_TRUE(mount) << mount.error().message;
  EXPECT_TRUE(std::filesystem::exists(mount->path + "/cgroup.procs"));
}

// In a child, because it changes the mount namespace.
TEST(CgroupMount, PassesOverAMountThatAnotherHides) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/sys/fs/cgroup", "cgroup2", 0, nullptr) != 0) {
      ::_exit(2);
    }
    const Result<CgroupMount> mount = CgroupMount::find();
    ::_exit(mount && mount->path == "/sys/fs/cgroup" && !mount->hybrid ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// One line of mountinfo.
std::string mounted(int id, int parent, const std::string& root,
                    const std::string& point,
                    const std::string& options = "rw,relatime",
                    const std::string& super_options = "rw",
                    const std::string& type = "cgroup2") {
  return std::to_string(id) + " " + std::to_string(parent) + " 0:26 " + root +
         " " + point + " " + options + " shared:4 - " + type + " none " +
         super_options + "\n";
}

TEST(WaysOut, AreWhatIsMountedFromOutsideOfItsOwnCgroup) {
  const std::string mounts =
      mounted(1, 0, "/", "/") + mounted(2, 1, "/", "/c/rootfs/all") +
      mounted(3, 1, "/pods", "/c/rootfs/above", "ro,nosuid") +
      mounted(4, 1, "/pods/c", "/c/rootfs/own") +
      mounted(5, 1, "/pods/c/inner", "/c/rootfs/inner") +
      mounted(6, 1, "/pods/c2", "/c/rootfs/beside", "rw", "rw,nsdelegate") +
      mounted(7, 1, "/pods/c2/cgroup.procs", "/c/rootfs/a\\040file") +
      mounted(8, 1, "/../x", "/c/rootfs/beyond") +
      mounted(9, 1, "/", "/c/rootfs/sealed", "rw", "ro") +
      mounted(10, 1, "/", "/c/rootfs/v1", "rw", "rw", "cgroup") +
      mounted(11, 1, "/", "/c/rootfs2/other");
  EXPECT_THAT(
      ways_out(mounts, "/c/rootfs", "/pods/c"),
      UnorderedElementsAre(
          WayOut{.point = "/all", .cgroup = "/", .writable = true},
          WayOut{.point = "/above", .cgroup = "/pods"},
          WayOut{.point = "/beside",
                 .cgroup = "/pods/c2",
                 .writable = true,
                 .bordered = true},
          WayOut{.point = "/a file",
                 .cgroup = "/pods/c2/cgroup.procs",
                 .writable = true},
          WayOut{.point = "/beyond", .cgroup = "/../x", .writable = true}));
}

TEST(WaysOut, OfOneThatRunsAreAnywhere) {
  EXPECT_THAT(ways_out(mounted(1, 0, "/", "/sys/fs/cgroup"), "/", "/c"),
              UnorderedElementsAre(WayOut{
                  .point = "/sys/fs/cgroup", .cgroup = "/", .writable = true}));
  EXPECT_THAT(ways_out(mounted(1, 0, "/", "/"), "/r", "/c"), IsEmpty());
  EXPECT_THAT(ways_out(mounted(1, 0, "/", "/r"), "/r", "/c"),
              UnorderedElementsAre(
                  WayOut{.point = "/", .cgroup = "/", .writable = true}));
}

TEST(WaysOut, AreNotWhatAnotherMountHides) {
  const std::string mounts = mounted(1, 0, "/", "/r/sys/fs/cgroup") +
                             mounted(2, 1, "/c", "/r/sys/fs/cgroup");
  EXPECT_THAT(ways_out(mounts, "/r", "/c"), IsEmpty());
}

// In a child, because it changes the mount namespace.
TEST(WaysOut, AreFoundInTheMountsOfAProcess) {
  const ScratchCgroup scratch("ways");
  const std::string own = scratch.open()->relative_path();
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string all = scratch.mount().path;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/mnt", "tmpfs", 0, nullptr) != 0 ||
        ::mkdir("/mnt/all", 0700) != 0 || ::mkdir("/mnt/own", 0700) != 0 ||
        ::mkdir("/mnt/over", 0700) != 0 || ::mkdir("/mnt/over/x", 0700) != 0) {
      ::_exit(2);
    }
    for (const char* point : {"/mnt/all", "/mnt/over/x"}) {
      if (::mount(all.c_str(), point, nullptr, MS_BIND, nullptr) != 0) {
        ::_exit(3);
      }
    }
    if (::mount(scratch.path().c_str(), "/mnt/own", nullptr, MS_BIND,
                nullptr) != 0 ||
        ::mount("none", "/mnt/over", "tmpfs", 0, nullptr) != 0 ||
        ::mkdir("/mnt/over/x", 0700) != 0) {
      ::_exit(4);
    }
    const auto ways = find_ways_out(::getpid(), "/mnt", own);
    ::_exit(ways && ways->size() == 1 && (*ways)[0].point == "/all" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Cgroup, OfAProcessIsTheOneItWasPutInto) {
  const ScratchCgroup scratch("of-process");
  const WaitingChild child;
  scratch.add(child.pid());
  const Result<Cgroup> cgroup = Cgroup::of_process(child.pid());
  ASSERT_TRUE(cgroup) << cgroup.error().message;
  EXPECT_EQ(cgroup->path(), scratch.path());
  EXPECT_EQ(cgroup->relative_path(), scratch.relative());
  struct stat folder = {};
  ASSERT_EQ(::stat(scratch.path().c_str(), &folder), 0);
  EXPECT_EQ(cgroup->id(), folder.st_ino);
  EXPECT_THAT(*cgroup->processes(), ElementsAre(child.pid()));
}

TEST(Cgroup, IsFoundAgainByItsId) {
  const ScratchCgroup scratch("by-id");
  const Result<Cgroup> cgroup = scratch.open();
  ASSERT_TRUE(cgroup);
  const Result<Cgroup> again =
      Cgroup::open_by_id(scratch.mount(), cgroup->id());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->path(), scratch.path());
  EXPECT_EQ(again->relative_path(), scratch.relative());
}

TEST(Cgroup, AdmitsAProcessFromOutside) {
  const ScratchCgroup scratch("admit");
  const WaitingChild child;
  const Result<Pidfd> process = Pidfd::open(child.pid());
  ASSERT_TRUE(process);
  const Status admitted = scratch.open()->admit(*process);
  EXPECT_TRUE(admitted) << admitted.error().message;
  EXPECT_EQ(*unified_path(child.pid()), scratch.open()->relative_path());
}

TEST(Cgroup, OfAnIdThatIsGoneIsNotFound) {
  std::uint64_t id = 0;
  CgroupMount mount;
  {
    const ScratchCgroup scratch("gone");
    mount = scratch.mount();
    id = scratch.open()->id();
  }
  const Result<Cgroup> again = Cgroup::open_by_id(mount, id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kNotFound);
}

TEST(Cgroup, RefusesPathsThatLeaveTheMount) {
  const CgroupMount mount = *CgroupMount::find();
  EXPECT_FALSE(Cgroup::open(mount, "relative"));
  EXPECT_FALSE(Cgroup::open(mount, "/../etc"));
  EXPECT_FALSE(Cgroup::open(mount, "/.."));
}

TEST(Cgroup, KillEndsEveryProcessHereAndBelow) {
  const ScratchCgroup scratch("kill");
  std::filesystem::create_directory(scratch.path() + "/inner");
  WaitingChild first;
  WaitingChild second;
  scratch.add(first.pid());
  scratch.add(second.pid(), "/inner");
  const Result<Cgroup> cgroup = scratch.open();
  ASSERT_TRUE(cgroup);
  EXPECT_THAT(*cgroup->processes(),
              UnorderedElementsAre(first.pid(), second.pid()));
  EXPECT_TRUE(*cgroup->populated());
  ASSERT_TRUE(cgroup->kill());
  EXPECT_TRUE(*cgroup->wait_empty(ScratchCgroup::soon()));
  EXPECT_FALSE(*cgroup->populated());
  EXPECT_EQ(first.reap(), SIGKILL);
  EXPECT_EQ(second.reap(), SIGKILL);
}

TEST(Cgroup, KillBySweepDoesTheSameAndThaws) {
  const ScratchCgroup scratch("sweep");
  std::filesystem::create_directory(scratch.path() + "/inner");
  WaitingChild first;
  WaitingChild second;
  scratch.add(first.pid());
  scratch.add(second.pid(), "/inner");
  const Result<Cgroup> cgroup = scratch.open();
  ASSERT_TRUE(cgroup);
  ASSERT_TRUE(cgroup->kill_by_sweep());
  EXPECT_TRUE(*cgroup->wait_empty(ScratchCgroup::soon()));
  EXPECT_EQ(first.reap(), SIGKILL);
  EXPECT_EQ(second.reap(), SIGKILL);
  EXPECT_EQ(read_file(scratch.path() + "/cgroup.freeze"), "0\n");
}

TEST(Cgroup, KillWorksOnAFrozenOne) {
  const ScratchCgroup scratch("kill-frozen");
  WaitingChild child;
  scratch.add(child.pid());
  const Result<Cgroup> cgroup = scratch.open();
  ASSERT_TRUE(cgroup->freeze());
  ASSERT_TRUE(*cgroup->wait_frozen(ScratchCgroup::soon()));
  ASSERT_TRUE(cgroup->kill());
  EXPECT_TRUE(*cgroup->wait_empty(ScratchCgroup::soon()));
  EXPECT_EQ(child.reap(), SIGKILL);
}

TEST(Cgroup, FreezesAndThaws) {
  const ScratchCgroup scratch("freeze");
  const WaitingChild child;
  scratch.add(child.pid());
  const Result<Cgroup> cgroup = scratch.open();
  EXPECT_FALSE(*cgroup->frozen());
  ASSERT_TRUE(cgroup->freeze());
  EXPECT_TRUE(*cgroup->wait_frozen(ScratchCgroup::soon()));
  EXPECT_TRUE(*cgroup->frozen());
  ASSERT_TRUE(cgroup->thaw());
  EXPECT_FALSE(*cgroup->frozen());
}

TEST(Cgroup, WaitEmptyGivesUpAtTheDeadline) {
  const ScratchCgroup scratch("deadline");
  const WaitingChild child;
  scratch.add(child.pid());
  const Result<Cgroup> cgroup = scratch.open();
  EXPECT_FALSE(*cgroup->wait_empty(std::chrono::steady_clock::now()));
}

// Whoever is in a cgroup with this one may make threads' own below it.
TEST(Cgroup, ListsTheProcessesOfOneWithThreadedCgroups) {
  const ScratchCgroup scratch("threaded");
  std::filesystem::create_directory(scratch.path() + "/inner");
  write_file(scratch.path() + "/inner/cgroup.type", "threaded");
  ASSERT_EQ(read_file(scratch.path() + "/inner/cgroup.type"), "threaded\n");
  const WaitingChild child;
  scratch.add(child.pid());
  write_file(scratch.path() + "/inner/cgroup.threads",
             std::to_string(child.pid()));
  const Result<Cgroup> cgroup = scratch.open();
  ASSERT_TRUE(cgroup);
  const auto processes = cgroup->processes();
  ASSERT_TRUE(processes) << processes.error().message;
  EXPECT_THAT(*processes, ElementsAre(child.pid()));
}

TEST(Cgroup, OneThatWasRemovedIsEmpty) {
  const ScratchCgroup scratch("removed");
  const Result<Cgroup> cgroup = scratch.open();
  ASSERT_TRUE(cgroup);
  ASSERT_EQ(::rmdir(scratch.path().c_str()), 0);
  EXPECT_FALSE(*cgroup->populated());
  EXPECT_TRUE(cgroup->processes()->empty());
  EXPECT_TRUE(cgroup->thaw());
}

TEST(VerifyContainerCgroup, AcceptsOneWithTheProcessAlone) {
  const ScratchCgroup scratch("verify");
  const WaitingChild child;
  scratch.add(child.pid());
  const Status verified = verify_container_cgroup(*scratch.open(), child.pid(),
                                                  *unified_path(::getpid()));
  EXPECT_TRUE(verified) << verified.error().message;
}

TEST(VerifyContainerCgroup, RefusesAStrangerBesideTheProcess) {
  const ScratchCgroup scratch("family");
  const WaitingChild child;
  // The test is the parent of both: seen from here the child is the stranger.
  const WaitingChild stranger;
  scratch.add(child.pid());
  scratch.add(stranger.pid());
  const Result<Cgroup> cgroup = scratch.open();
  const Status refused =
      verify_container_cgroup(*cgroup, child.pid(), "/elsewhere");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("process " + std::to_string(stranger.pid())));
}

TEST(VerifyContainerCgroup, AcceptsWhatTheProcessForked) {
  const ScratchCgroup scratch("forked");
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (::fork() == 0) {
      for (;;) ::pause();
    }
    static_cast<void>(!::write(ready[1], "x", 1));
    for (;;) ::pause();
  }
  scratch.add(parent);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  const Result<Cgroup> cgroup = scratch.open();
  // Where the fork came before the move, the grandchild is still outside.
  const std::string inside =
      read_file("/proc/" + std::to_string(parent) + "/task/" +
                std::to_string(parent) + "/children");
  scratch.add(std::stoi(inside));
  EXPECT_EQ(cgroup->processes()->size(), 2U);
  const Status verified =
      verify_container_cgroup(*cgroup, parent, "/elsewhere");
  EXPECT_TRUE(verified) << verified.error().message;
  ASSERT_TRUE(cgroup->kill());
  ::waitpid(parent, nullptr, 0);
}

TEST(VerifyContainerCgroup, RefusesAStrangerInACgroupBelow) {
  const ScratchCgroup scratch("below");
  std::filesystem::create_directory(scratch.path() + "/inner");
  const WaitingChild child;
  const WaitingChild stranger;
  scratch.add(child.pid());
  scratch.add(stranger.pid(), "/inner");
  EXPECT_FALSE(
      verify_container_cgroup(*scratch.open(), child.pid(), "/elsewhere"));
}

TEST(VerifyContainerCgroup, RefusesTheRoot) {
  const CgroupMount mount = *CgroupMount::find();
  const Result<Cgroup> root = Cgroup::open(mount, "/");
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->path(), mount.path);
  const Status refused = verify_container_cgroup(*root, ::getpid(), "/x");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("root"));
}

TEST(VerifyContainerCgroup, RefusesItsOwnAndThoseAbove) {
  const ScratchCgroup scratch("own");
  const WaitingChild child;
  scratch.add(child.pid());
  const Result<Cgroup> cgroup = scratch.open();
  EXPECT_FALSE(
      verify_container_cgroup(*cgroup, child.pid(), scratch.relative()));
  EXPECT_FALSE(verify_container_cgroup(*cgroup, child.pid(),
                                       scratch.relative() + "/shim"));
  // A sibling whose name begins alike is neither.
  EXPECT_TRUE(
      verify_container_cgroup(*cgroup, child.pid(), scratch.relative() + "-2"));
}

TEST(VerifyContainerCgroup, RefusesOneTheProcessIsNotIn) {
  const ScratchCgroup scratch("absent");
  const WaitingChild child;
  const Status refused =
      verify_container_cgroup(*scratch.open(), child.pid(), "/elsewhere");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("is not in it"));
}

}  // namespace
}  // namespace bailiff
