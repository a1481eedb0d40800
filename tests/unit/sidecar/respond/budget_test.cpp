// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/budget.h"

#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

using Answer = Budget::Answer;

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(Budget, GrantsSoManyInASpan) {
  Budget budget({.policy = 2, .workload = 9, .node = 9, .per_ms = 10'000});
  EXPECT_EQ(budget.take("p", "w", 1 * kSecond).answer, Answer::kGranted);
  EXPECT_EQ(budget.take("p", "w", 5 * kSecond).answer, Answer::kGranted);
  // The first is out of the span by then.
  EXPECT_EQ(budget.take("p", "w", 12 * kSecond).answer, Answer::kGranted);
  const Budget::Taken third = budget.take("p", "w", 13 * kSecond);
  EXPECT_EQ(third.answer, Answer::kOverBudget);
  ASSERT_EQ(third.newly_over.size(), 1U);
  EXPECT_EQ(third.newly_over[0].scope, "policy");
  const Budget::Taken fourth = budget.take("p", "w", 14 * kSecond);
  EXPECT_EQ(fourth.answer, Answer::kOverBudget);
  EXPECT_TRUE(fourth.newly_over.empty());
  EXPECT_EQ(budget.take("other", "w", 14 * kSecond).answer, Answer::kGranted);
}

TEST(Budget, AWorkloadCoolsDown) {
  Budget budget({.policy = 9, .workload = 1, .node = 9, .cool_down_ms = 5'000});
  EXPECT_EQ(budget.take("p", "w", kSecond).answer, Answer::kGranted);
  EXPECT_EQ(budget.take("p", "w", 2 * kSecond).answer, Answer::kCoolingDown);
  EXPECT_EQ(budget.take("p", "v", 2 * kSecond).answer, Answer::kGranted);
  EXPECT_EQ(budget.take("p", "w", 8 * kSecond).answer, Answer::kGranted);
}

TEST(Budget, WhatCameBehindItsReturnCountsAfterARestartToo) {
  Budget budget({.policy = 9, .workload = 2, .node = 9, .cool_down_ms = 5'000});
  budget.remember({.scope = "workload", .name = "w", .since_ns = 2 * kSecond});
  for (const std::uint64_t at : {1, 8, 9}) {
    budget.remember("p", "w", at * kSecond);
  }
  EXPECT_EQ(budget.take("p", "w", 10 * kSecond).answer, Answer::kCoolingDown);
}

TEST(Budget, IsOverUntilItIsRearmed) {
  Budget budget({.node = 1, .rearm_ms = 0});
  budget.take("p", "w", kSecond);
  budget.take("p", "v", 2 * kSecond);
  constexpr std::uint64_t kLater = 1'000'000 * kSecond;
  ASSERT_EQ(budget.over(kLater).size(), 1U);
  EXPECT_EQ(budget.over(kLater)[0].scope, "node");
  budget.rearm();
  EXPECT_TRUE(budget.over(kLater).empty());
  EXPECT_EQ(budget.take("p", "w", kLater).answer, Answer::kGranted);
}

TEST(Budget, AWorkloadIsAnImageInANamespace) {
  oci::ContainerRecord record;
  record.id = "abc";
  EXPECT_EQ(workload_of(record), "abc");
  record.facts.name = "shop";
  EXPECT_EQ(workload_of(record), "shop");
  record.facts.image = "example/shop:1";
  record.facts.namespace_name = "web";
  EXPECT_EQ(workload_of(record), "web/example/shop:1");
}

}  // namespace
}  // namespace bailiff::sidecar
