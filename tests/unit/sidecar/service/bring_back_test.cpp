// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/bring_back.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "oci/sys/cgroup.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

// After any process has started.
constexpr std::uint64_t kLate = std::numeric_limits<std::uint64_t>::max();

TEST(BringBack, MovesAProcessIntoItsCgroup) {
  const ScratchCgroup own("back");
  const WaitingChild child;
  for (int time = 0; time < 2; ++time) {
    const auto back = bring_back(own.open()->id(), child.pid(), kLate);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, BroughtBack::kReturned);
    EXPECT_EQ(*unified_path(child.pid()), own.open()->relative_path());
  }
}

TEST(BringBack, LeavesOneBelowWhereItIs) {
  const ScratchCgroup own("below");
  std::filesystem::create_directory(own.path() + "/inner");
  const WaitingChild child;
  own.add(child.pid(), "/inner");
  EXPECT_EQ(*bring_back(own.open()->id(), child.pid(), kLate),
            BroughtBack::kReturned);
  EXPECT_EQ(*unified_path(child.pid()), own.open()->relative_path() + "/inner");
}

// Where that one was is all that /proc/PID says.
TEST(BringBack, MovesOneWhoseFirstThreadHasEnded) {
  const ScratchCgroup own("first");
  const ScratchCgroup outside("others");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  // Whatever else fails: nothing of it is left, nor of its cgroups.
  const std::unique_ptr<const pid_t, void (*)(const pid_t*)> ended(
      &child, [](const pid_t* pid) {
        ::kill(*pid, SIGKILL);
        ::waitpid(*pid, nullptr, 0);
      });
  if (child == 0) {
    std::thread([] {
      for (;;) ::pause();
    }).detach();
    char byte = 0;
    (void)!::read(ends[0], &byte, 1);
    ::syscall(SYS_exit, 0);
  }
  own.add(child);
  EXPECT_EQ(::write(ends[1], "x", 1), 1);
  const auto others = [child] {
    std::vector<pid_t> tids;
    for (const auto& each : std::filesystem::directory_iterator(
             "/proc/" + std::to_string(child) + "/task")) {
      tids.push_back(std::stoi(each.path().filename()));
    }
    std::erase(tids, child);
    return tids;
  };
  const std::string first = "/proc/" + std::to_string(child) + "/ns/net";
  while (::access(first.c_str(), F_OK) == 0) std::this_thread::yield();
  outside.add(child);
  // A sanitizer has threads of its own in it.
  ASSERT_FALSE(others().empty());
  EXPECT_EQ(*unified_path(child), own.open()->relative_path());
  for (const pid_t each : others()) {
    EXPECT_EQ(*unified_path(each), outside.open()->relative_path());
  }
  EXPECT_EQ(*bring_back(own.open()->id(), child, kLate),
            BroughtBack::kReturned);
  for (const pid_t each : others()) {
    EXPECT_EQ(*unified_path(each), own.open()->relative_path());
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(BringBack, KillsWhatCannotBeMoved) {
  std::optional<ScratchCgroup> own(std::in_place, "gone");
  const std::uint64_t id = own->open()->id();
  own.reset();
  WaitingChild child;
  EXPECT_EQ(*bring_back(id, child.pid(), kLate), BroughtBack::kKilled);
  EXPECT_EQ(child.reap(), SIGKILL);
}

TEST(BringBack, TouchesNobodyWhoHasThePidNow) {
  const ScratchCgroup own("other");
  WaitingChild child;
  EXPECT_EQ(*bring_back(own.open()->id(), child.pid(), 0), BroughtBack::kEnded);
  EXPECT_NE(*unified_path(child.pid()), own.open()->relative_path());
  const pid_t pid = child.pid();
  ::kill(pid, SIGKILL);
  child.reap();
  EXPECT_EQ(*bring_back(own.open()->id(), pid, kLate), BroughtBack::kEnded);
}

}  // namespace
}  // namespace bailiff::sidecar
