// SPDX-License-Identifier: Apache-2.0
// sidecar/service/held_answers.h
// What held calls were answered, until the observer tells that they have
// returned.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "sidecar/notify/held_answer.h"

namespace bailiff::sidecar {

// At once; far more than can be held.  Of those that the observer had no room
// for more may be waiting to be told of: what comes on top is counted.
inline constexpr std::size_t kMaxHeldAnswers = 4096;

// Any thread.
class HeldAnswers {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Of several of one caller the latest is under way.  False: it is dropped, as
  // there are too many.
  bool add(HeldAnswer answer, Time now);
  // That of a call that has returned.
  std::optional<HeldAnswer> take(std::uint32_t tid, bailiff_call call);
  // Those that were given before `until`, and earlier ones of callers that have
  // made another call since: nobody told that they have returned.
  std::vector<HeldAnswer> take_untold(Time until);
  bool empty() const;

 private:
  struct Given {
    HeldAnswer answer;
    Time at;
  };

  mutable std::mutex mutex_;
  std::map<std::uint32_t, Given> given_;  // by the caller
  std::vector<HeldAnswer> untold_;
};

}  // namespace bailiff::sidecar
