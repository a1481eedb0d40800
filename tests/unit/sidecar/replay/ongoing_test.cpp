// SPDX-License-Identifier: Apache-2.0
#include "sidecar/replay/ongoing.h"

#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'000 * kSecond;

Asked ask(Response response) {
  return {.response = response,
          .terms = {.grace_ms = 10'000, .pause_limit_ms = 60'000},
          .policy = "p",
          .workload = "w"};
}

TEST(Ongoing, TakesTheBudgetOnceForWhatIsInForce) {
  Ongoing ongoing({.policy = 1});
  const Foreseen first = ongoing.respond("c", ask(Response::kPause), kStart);
  EXPECT_EQ(first.outcome, "paused");
  EXPECT_TRUE(first.begun);
  const Foreseen joined =
      ongoing.respond("c", ask(Response::kIsolate), kStart + kSecond);
  EXPECT_EQ(joined.outcome, "paused");
  EXPECT_EQ(joined.response, Response::kPause);
  EXPECT_FALSE(joined.begun);
  const Foreseen other =
      ongoing.respond("d", ask(Response::kPause), kStart + kSecond);
  EXPECT_EQ(other.outcome, "over_budget");
  ASSERT_EQ(other.newly_over.size(), 1U);
  EXPECT_EQ(other.newly_over[0].since_ns, kStart + kSecond);
}

TEST(Ongoing, HasTheBudgetsEndAtTheEventsOwnTimes) {
  Ongoing ongoing({.workload = 1, .cool_down_ms = 60'000});
  ongoing.respond("a", ask(Response::kKill), kStart);
  EXPECT_EQ(ongoing.respond("b", ask(Response::kKill), kStart + 1).outcome,
            "cooling_down");
  EXPECT_EQ(
      ongoing.respond("c", ask(Response::kKill), kStart + 59 * kSecond).outcome,
      "cooling_down");
  EXPECT_EQ(
      ongoing.respond("d", ask(Response::kKill), kStart + 61 * kSecond).outcome,
      "killed");
}

TEST(Ongoing, NothingComesOfWhoIsDead) {
  Ongoing ongoing({});
  ongoing.respond("c", ask(Response::kKill), kStart);
  EXPECT_EQ(ongoing.respond("c", ask(Response::kKill), kStart + 1).outcome,
            "killed");
  EXPECT_EQ(
      ongoing.respond("c", ask(Response::kKill), kStart + 60 * kSecond).outcome,
      "already gone");
}

TEST(Ongoing, WhoReallyEndedWasReplacedByAnother) {
  Ongoing ongoing({});
  ongoing.respond("c", ask(Response::kKill), kStart);
  ongoing.really_ended("c", kStart);
  const Foreseen anew =
      ongoing.respond("c", ask(Response::kKill), kStart + 60 * kSecond);
  EXPECT_EQ(anew.outcome, "killed");
  EXPECT_TRUE(anew.begun);
}

TEST(Ongoing, APauseEndsAsThePolicySays) {
  Ongoing ongoing({});
  ongoing.respond("c", ask(Response::kPause), kStart);
  EXPECT_EQ(ongoing.respond("c", ask(Response::kPause), kStart + 120 * kSecond)
                .outcome,
            "already gone");
  Asked resumed = ask(Response::kPause);
  resumed.terms.pause_then = PauseThen::kResume;
  ongoing.respond("d", resumed, kStart);
  const Foreseen again = ongoing.respond("d", resumed, kStart + 120 * kSecond);
  EXPECT_EQ(again.outcome, "paused");
  EXPECT_TRUE(again.begun);
}

TEST(Ongoing, AStopEndsTheContainerAfterItsGrace) {
  Ongoing ongoing({});
  EXPECT_EQ(ongoing.respond("c", ask(Response::kStop), kStart).outcome,
            "stopping");
  EXPECT_EQ(
      ongoing.respond("c", ask(Response::kStop), kStart + 60 * kSecond).outcome,
      "already gone");
}

TEST(Ongoing, TheStrongestInForceIsWhatAnotherJoins) {
  Ongoing ongoing({});
  ongoing.respond("c", ask(Response::kIsolate), kStart);
  ongoing.respond("c", ask(Response::kStop), kStart + kSecond);
  EXPECT_EQ(ongoing.respond("c", ask(Response::kIsolate), kStart + 2 * kSecond)
                .outcome,
            "stopping");
}

TEST(Ongoing, AStopEndsAPause) {
  Ongoing ongoing({});
  ongoing.respond("c", ask(Response::kPause), kStart);
  Asked stop = ask(Response::kStop);
  stop.terms.grace_ms = 120'000;
  ongoing.respond("c", stop, kStart + kSecond);
  EXPECT_EQ(ongoing.respond("c", stop, kStart + 90 * kSecond).outcome,
            "stopping");
}

TEST(Ongoing, AStrongerResponseIsCarriedOutBesideAWeakerOne) {
  Ongoing ongoing({});
  ongoing.respond("c", ask(Response::kIsolate), kStart);
  const Foreseen killed =
      ongoing.respond("c", ask(Response::kKill), kStart + kSecond);
  EXPECT_TRUE(killed.begun);
  EXPECT_EQ(killed.outcome, "killed");
}

TEST(Ongoing, KillsEachProcessOnce) {
  Ongoing ongoing({});
  Asked asked = ask(Response::kKillProcess);
  asked.pid = 7;
  EXPECT_TRUE(ongoing.respond("c", asked, kStart).begun);
  EXPECT_FALSE(ongoing.respond("c", asked, kStart).begun);
  asked.pid = 8;
  EXPECT_TRUE(ongoing.respond("c", asked, kStart).begun);
}

TEST(Ongoing, RespondsToNobodyWhoIsNotKnown) {
  Ongoing ongoing({});
  const Foreseen nobody = ongoing.respond("", ask(Response::kKill), kStart);
  EXPECT_EQ(nobody.outcome, "error: the container is not known");
  EXPECT_FALSE(nobody.begun);
}

}  // namespace
}  // namespace bailiff::sidecar
