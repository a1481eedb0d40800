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
  const Updater updater([&] { twice.count_down(); }, std::chrono::seconds(0));
  twice.wait();
}

TEST(Updater, EndsWithoutHavingBeenAsked) {
  const Updater updater([] { FAIL(); }, kNever);
}

}  // namespace
}  // namespace bailiff::sidecar
