// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/flight_recorder.h
// The last events of each container, told of or not, so that a capture shows
// how it came to what was answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace bailiff::sidecar {

// Of one container.
inline constexpr std::size_t kMaxFlightEvents = 256;
// Of one container: an event with all its arguments and variables is up to
// 12 KiB.
inline constexpr std::size_t kMaxFlightBytes = std::size_t{512} * 1024;
// Of all: past it the containers that were silent the longest are forgotten.
inline constexpr std::size_t kMaxFlightTotal = std::size_t{64} * 1024 * 1024;

// Makes an event's line: a JSON object from Falco's fields to values, as
// `bailiff eval` reads them.  Costly, so asked for only by a capture.
using EventLine = std::function<std::string()>;

// Any thread.
class FlightRecorder {
 public:
  // `bytes` is what the line holds on to.
  void keep(std::uint64_t cgroup_id, EventLine line, std::size_t bytes);
  // The oldest first.
  std::vector<EventLine> events(std::uint64_t cgroup_id) const;

 private:
  struct Event {
    EventLine line;
    std::size_t bytes;
  };
  struct Track {
    std::uint64_t cgroup_id = 0;
    std::deque<Event> events;
    std::size_t bytes = 0;
  };
  void drop_first(Track& track);

  mutable std::mutex mutex_;
  std::list<Track> tracks_;  // the latest first
  std::unordered_map<std::uint64_t, std::list<Track>::iterator> by_cgroup_;
  std::size_t bytes_ = 0;
};

}  // namespace bailiff::sidecar
