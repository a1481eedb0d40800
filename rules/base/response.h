// SPDX-License-Identifier: Apache-2.0
// rules/base/response.h
#pragma once

#include <cstdint>
#include <string_view>

namespace bailiff {

// What a policy asks to be done to a container, weakest first.
enum class Response : std::uint8_t {
  kNone,
  kKillProcess,
  kIsolate,
  kPause,
  kStop,
  kKill,
};
std::string_view to_string(Response response);  // "kill_process", …

// What becomes of a paused container when its limit has passed.
enum class PauseThen : std::uint8_t { kKill, kResume };
std::string_view to_string(PauseThen then);  // "kill"

// Longest of the times below; longer than anybody means.
inline constexpr std::int64_t kMaxTermMs = std::int64_t{365} * 24 * 3'600'000;

// How a response is carried out.
struct ResponseTerms {
  // stop: from the stop signal to the kill.
  std::int64_t grace_ms = 10'000;
  // pause: a frozen container holds its memory, and whoever probes it gives up
  // on it, so no pause is without an end.
  std::int64_t pause_limit_ms = 3'600'000;
  PauseThen pause_then = PauseThen::kKill;
  std::int64_t isolate_limit_ms = 0;  // 0: until somebody releases it
  bool operator==(const ResponseTerms&) const = default;
};

}  // namespace bailiff
