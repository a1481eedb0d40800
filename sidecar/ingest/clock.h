// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/clock.h
#pragma once

#include <cstdint>

namespace bailiff::sidecar {

// CLOCK_MONOTONIC: the clock of event records.
std::uint64_t monotonic_ns();

// How far other clocks are ahead of CLOCK_MONOTONIC now.  Taken for each event
// when it is read: a step of CLOCK_REALTIME between an event and its reading
// moves the event's time by the same step, and so does a suspend.
struct ClockOffsets {
  std::int64_t realtime_ns = 0;
  std::int64_t boottime_ns = 0;

  static ClockOffsets now();
};

}  // namespace bailiff::sidecar
