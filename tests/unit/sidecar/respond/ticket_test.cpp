// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/ticket.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>

namespace bailiff::sidecar {
namespace {

TEST(Ticket, IsDoneOnceItsOutcomeIsWrittenDown) {
  std::latch begun(1);
  std::latch go_on(1);
  std::atomic<bool> written{false};
  Ticket ticket("id", Response::kPause, [&](const std::string& outcome) {
    EXPECT_EQ(outcome, "paused");
    begun.count_down();
    go_on.wait();
    written = true;
  });
  std::thread finder([&] { ticket.finish("paused"); });
  begun.wait();
  EXPECT_FALSE(ticket.done());
  EXPECT_TRUE(ticket.waiting()) << "there is something to poll";
  // Of no effect: it is decided.
  ticket.finish("error: late");
  go_on.count_down();
  EXPECT_EQ(ticket.wait().outcome, "paused");
  EXPECT_TRUE(written);
  EXPECT_FALSE(ticket.waiting());
  finder.join();
}

TEST(Ticket, ThatWasOverAtOnceIsDone) {
  Ticket ticket("", Response::kKill, "already gone");
  EXPECT_TRUE(ticket.done());
  EXPECT_EQ(ticket.wait().outcome, "already gone");
}

}  // namespace
}  // namespace bailiff::sidecar
