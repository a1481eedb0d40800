// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/ring_share.h"

#include <algorithm>
#include <utility>

namespace bailiff::sidecar {
namespace {

// What was made longer ago has left the ring; losses are asked for more often
// while there are events at all.
constexpr std::chrono::seconds kForgotten{5};

}  // namespace

std::vector<Loss> RingShare::judge(const std::vector<hook::LostRecords>& lost,
                                   Time now) {
  for (const hook::LostRecords& each : lost)
    made_[each.cgroup_id] += each.count;
  if (now - last_ > kForgotten) before_.clear();
  last_ = now;
  Counts& all = before_;
  for (const auto& [cgroup_id, count] : made_) all[cgroup_id] += count;
  const auto most = std::max_element(
      all.begin(), all.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<Loss> losses;
  for (const hook::LostRecords& each : lost) {
    const bool itself = all[each.cgroup_id] == most->second;
    losses.push_back({.cgroup_id = each.cgroup_id,
                      .count = each.count,
                      .most_by = itself ? each.cgroup_id : most->first});
  }
  before_ = std::exchange(made_, {});
  return losses;
}

}  // namespace bailiff::sidecar
