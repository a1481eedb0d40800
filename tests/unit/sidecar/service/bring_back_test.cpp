// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/bring_back.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

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
