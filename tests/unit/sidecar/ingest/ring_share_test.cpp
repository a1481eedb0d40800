// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/ring_share.h"

#include <gtest/gtest.h>

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kQuiet = 1;
constexpr std::uint64_t kLoud = 2;
const RingShare::Time kThen{std::chrono::hours(1)};

void read(RingShare& share, std::uint64_t cgroup_id, int count) {
  for (int i = 0; i < count; ++i) share.add_read(cgroup_id);
}

TEST(RingShare, BlamesWhoeverLosesAlone) {
  RingShare share;
  const std::vector<Loss> losses =
      share.judge({{.cgroup_id = kQuiet, .count = 3}}, kThen);
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].count, 3U);
  EXPECT_EQ(losses[0].most_by, kQuiet);
}

TEST(RingShare, BlamesWhoeverMadeTheMostAndLostNothing) {
  RingShare share;
  read(share, kLoud, 9);
  const std::vector<Loss> losses =
      share.judge({{.cgroup_id = kQuiet, .count = 3}}, kThen);
  EXPECT_EQ(losses[0].most_by, kLoud);
}

TEST(RingShare, CountsWhatIsLostAsMade) {
  RingShare share;
  read(share, kQuiet, 9);
  const std::vector<Loss> losses = share.judge(
      {{.cgroup_id = kQuiet, .count = 1}, {.cgroup_id = kLoud, .count = 50}},
      kThen);
  EXPECT_EQ(losses[0].most_by, kLoud);
  EXPECT_EQ(losses[1].most_by, kLoud);
}

TEST(RingShare, RemembersWhatWasReadJustBefore) {
  RingShare share;
  read(share, kLoud, 9);
  share.judge({}, kThen);
  const std::vector<hook::LostRecords> lost = {
      {.cgroup_id = kQuiet, .count = 3}};
  EXPECT_EQ(share.judge(lost, kThen + std::chrono::seconds(1))[0].most_by,
            kLoud);
  EXPECT_EQ(share.judge(lost, kThen + std::chrono::seconds(2))[0].most_by,
            kQuiet);
}

TEST(RingShare, ForgetsWhatHasLongLeftTheRing) {
  RingShare share;
  read(share, kLoud, 9);
  share.judge({}, kThen);
  EXPECT_EQ(share
                .judge({{.cgroup_id = kQuiet, .count = 3}},
                       kThen + std::chrono::minutes(1))[0]
                .most_by,
            kQuiet);
}

TEST(RingShare, BlamesEachOfThoseThatMadeAsMuch) {
  RingShare share;
  const std::vector<Loss> losses = share.judge(
      {{.cgroup_id = kQuiet, .count = 3}, {.cgroup_id = kLoud, .count = 3}},
      kThen);
  EXPECT_EQ(losses[0].most_by, kQuiet);
  EXPECT_EQ(losses[1].most_by, kLoud);
}

}  // namespace
}  // namespace bailiff::sidecar
