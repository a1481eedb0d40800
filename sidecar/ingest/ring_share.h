// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/ring_share.h
// Whose records have filled the observer's ring.  It is one for all containers:
// when one floods it, others lose events as well, and none of them is to answer
// for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "hook/attach/observer.h"

namespace bailiff::sidecar {

struct Loss {
  std::uint64_t cgroup_id = 0;
  std::uint64_t count = 0;
  // The container that made the most records, read and lost; of several that
  // made as many, the one that lost these, if it is one of them.
  std::uint64_t most_by = 0;
  // They were told of, but the container has taken away what they were about.
  bool hidden = false;
};

// One thread at a time.
class RingShare {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A record of this container was read.
  void add_read(std::uint64_t cgroup_id) { ++made_[cgroup_id]; }

  // The losses since the last call, each with whoever made the most of what the
  // ring was offered since the call before that one: what was lost was kept out
  // by records that are read later, or were read just before.
  std::vector<Loss> judge(const std::vector<hook::LostRecords>& lost, Time now);

 private:
  using Counts = std::unordered_map<std::uint64_t, std::uint64_t>;

  Counts made_;    // since the last call
  Counts before_;  // from the call before it to the last one
  Time last_{};
};

}  // namespace bailiff::sidecar
