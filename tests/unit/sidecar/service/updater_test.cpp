// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/updater.h"

#include <gtest/gtest.h>

#include <latch>

namespace bailiff::sidecar {
namespace {

constexpr std::chrono::seconds kNever{3600};

TEST(Updater, WorksOnceForAllWhoAskedWhileItHadNotBegun) {
  std::latch begun(1);
  std::latch go_on(1);
  std::latch again(2);
  int times = 0;
  {
    Updater updater(
        [&] {
          if (++times == 1) {
            begun.count_down();
            go_on.wait();
          }
          again.count_down();
        },
        kNever);
    updater.ask();
    begun.wait();
    updater.ask();
    updater.ask();
    updater.ask();
    go_on.count_down();
    again.wait();
  }
  EXPECT_EQ(times, 2);
}

TEST(Updater, WorksEveryPeriod) {
  std::latch twice(2);
  int times = 0;
  const Updater updater(
      [&] {
        if (++times <= 2) twice.count_down();
      },
      std::chrono::seconds(0));
  twice.wait();
}

TEST(Updater, WorksAtATimeItIsTold) {
  using std::chrono::steady_clock;
  const auto when = steady_clock::now() + std::chrono::milliseconds(20);
  steady_clock::time_point worked;
  std::latch done(1);
  Updater updater(
      [&] {
        worked = steady_clock::now();
        done.count_down();
      },
      kNever);
  // Of two times the first counts, whichever was told first.
  updater.ask_at(when + kNever);
  updater.ask_at(when);
  done.wait();
  EXPECT_GE(worked, when);
}

TEST(Updater, EndsWithoutHavingBeenAsked) {
  const Updater updater([] { FAIL(); }, kNever);
}

}  // namespace
}  // namespace bailiff::sidecar
