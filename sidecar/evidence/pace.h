// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/pace.h
#pragma once

#include <atomic>
#include <chrono>
#include <string>

namespace bailiff::sidecar {

// How long a part of a capture may go on.  Shared by the thread that collects
// and the one that lets the response go first.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  // What a capture may take behind the response, before it gives up.
  static constexpr std::chrono::seconds kAfterwards{10};

  Pace(Clock::time_point begin, std::chrono::milliseconds limit)
      : limit_(limit),
        response_due_(begin + limit),
        end_(begin + limit + kAfterwards) {}

  // The response is carried out from now on.
  void respond() { responded_ = true; }
  bool responded() const { return responded_; }
  std::chrono::milliseconds limit() const { return limit_; }
  Clock::time_point response_due() const { return response_due_; }

  // Whether what can be read later as well is to wait for the response.
  bool is_due() const { return responded_ || Clock::now() >= response_due_; }
  // Whether to give up altogether.
  bool is_over() const { return Clock::now() >= end_; }

  // Why something could not be read any more.
  std::string reason(const std::string& problem) const {
    if (!responded_) return problem;
    return problem + ": the response went first, as the limit of " +
           std::to_string(limit_.count()) + " ms had passed";
  }

 private:
  const std::chrono::milliseconds limit_;
  const Clock::time_point response_due_;
  const Clock::time_point end_;
  std::atomic<bool> responded_{false};
};

}  // namespace bailiff::sidecar
