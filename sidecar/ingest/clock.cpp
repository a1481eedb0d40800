// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/clock.h"

#include <time.h>

namespace bailiff::sidecar {
namespace {

std::int64_t read(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);  // cannot fail for these clocks
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::uint64_t monotonic_ns() {
  return static_cast<std::uint64_t>(read(CLOCK_MONOTONIC));
}

ClockOffsets ClockOffsets::now() {
  const std::int64_t monotonic = read(CLOCK_MONOTONIC);
  return {.realtime_ns = read(CLOCK_REALTIME) - monotonic,
          .boottime_ns = read(CLOCK_BOOTTIME) - monotonic};
}

}  // namespace bailiff::sidecar
