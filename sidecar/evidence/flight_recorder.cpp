// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/flight_recorder.h"

#include <utility>

namespace bailiff::sidecar {
namespace {

// What a queue's place, the function and its copy of the event's links take.
constexpr std::size_t kOverhead = 256;

}  // namespace

void FlightRecorder::drop_first(Track& track) {
  track.bytes -= track.events.front().bytes;
  bytes_ -= track.events.front().bytes;
  track.events.pop_front();
}

void FlightRecorder::keep(std::uint64_t cgroup_id, EventLine line,
                          std::size_t bytes) {
  bytes += kOverhead;
  const std::lock_guard lock(mutex_);
  const auto known = by_cgroup_.find(cgroup_id);
  if (known == by_cgroup_.end()) {
    tracks_.push_front({.cgroup_id = cgroup_id});
    by_cgroup_[cgroup_id] = tracks_.begin();
  } else {
    tracks_.splice(tracks_.begin(), tracks_, known->second);
  }
  Track& track = tracks_.front();
  track.events.push_back({std::move(line), bytes});
  track.bytes += bytes;
  bytes_ += bytes;
  while (track.events.size() > kMaxFlightEvents ||
         (track.bytes > kMaxFlightBytes && track.events.size() > 1)) {
    drop_first(track);
  }
  while (bytes_ > kMaxFlightTotal && tracks_.size() > 1) {
    bytes_ -= tracks_.back().bytes;
    by_cgroup_.erase(tracks_.back().cgroup_id);
    tracks_.pop_back();
  }
}

std::vector<EventLine> FlightRecorder::events(std::uint64_t cgroup_id) const {
  const std::lock_guard lock(mutex_);
  std::vector<EventLine> lines;
  const auto known = by_cgroup_.find(cgroup_id);
  if (known == by_cgroup_.end()) return lines;
  for (const Event& event : known->second->events) lines.push_back(event.line);
  return lines;
}

}  // namespace bailiff::sidecar
