// SPDX-License-Identifier: Apache-2.0
// sidecar/alert/delivery.h
// Takes what the store has pending to where it should go, and keeps trying.
//
//   Store ──due()──▶ one worker for each sink ──▶ Sink::post() ──▶ receiver
//     ▲                    │
//     └─ delivered(), undelivered(next try, or never) ◀┘
//
// A delivery is at least once: when the service dies between the receiver's
// answer and the store's commit, the alert is sent again under the same
// X-Bailiff-Id.  Sinks share nothing, so one that never answers delays nobody
// else.  A receiver that fails is left alone for a growing time (1 s to 30 s)
// whatever is pending for it; each delivery has its own, longer backoff.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/base/result.h"
#include "sidecar/store/store.h"

namespace bailiff::sidecar {

// Pending deliveries a sink may have; what comes after is stored as failed and
// counted as dropped.  At 2 KiB an alert 10000 of them are 20 MiB of database:
// a day of an alert every 9 s, more than anybody reads, and little enough that
// a receiver that never answers cannot fill a disk.
inline constexpr int kMaxPending = 10000;

// Backoff of one delivery: doubles from the first to the longest.
inline constexpr std::chrono::milliseconds kFirstRetry{1000};
inline constexpr std::chrono::milliseconds kLongestRetry{5 * 60 * 1000};
// About 24 hours of trying at that backoff, then the delivery is failed.
inline constexpr int kMaxAttempts = 300;
// A receiver may ask for a longer pause (Retry-After), but not for ever.
inline constexpr std::chrono::milliseconds kLongestRetryAfter{60 * 60 * 1000};
// A sink whose last attempts failed is not tried with anything for this long
// at most.
inline constexpr std::chrono::milliseconds kLongestPause{30 * 1000};

// The way to one receiver.  Used by one thread, except cancel().
class Sink {
 public:
  enum class Outcome {
    kDelivered,  // the receiver has it
    kRetry,      // not now: no connection, no answer, 408, 429, 5xx
    kRefused,    // never: the receiver will not take it however often
  };
  struct Attempt {
    Outcome outcome = Outcome::kRetry;
    std::string error;  // "" when delivered; never holds the URL or a secret
    std::optional<std::chrono::seconds> retry_after;  // as the receiver asked
  };

  virtual ~Sink() = default;
  // Blocks no longer than the sink's own time limit.
  virtual Attempt post(const Delivery& delivery) = 0;
  // From any thread: a post() under way ends soon with kRetry, and so does
  // each one after it.
  virtual void cancel() = 0;
};

struct NamedSink {
  std::string name;
  std::unique_ptr<Sink> sink;
};

struct SinkCounts {
  std::string sink;
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;   // given up
  std::uint64_t retried = 0;  // attempts that will be repeated
  std::uint64_t dropped = 0;  // never queued: kMaxPending were waiting
  std::int64_t pending = 0;
  std::string error;  // of the last attempt or of the store; "" when it worked
};

// How long to wait after `attempts` (1 or more) failed ones.  `random` is
// uniform over 64 bits: the answer is between half the backoff and all of it,
// so that receivers that come back are not met by everybody at once.
std::chrono::milliseconds retry_delay(int attempts, std::uint64_t random);

// Owns the sinks and one thread for each.  Every method may be called from any
// thread.
class Forwarder {
 public:
  // CLOCK_REALTIME in nanoseconds; tests give their own.
  using Clock = std::function<std::uint64_t()>;

  // Starts the threads.  `store` must outlive *this.  Sink names are unique.
  Forwarder(Store& store, std::vector<NamedSink> sinks, Clock clock = {});
  // As stop() with no time left.
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // Something may be due: call after Store::append() and Store::retry().
  // Wakes the workers at once and does not block.
  void notify();

  // Counts what Store::append() could not queue.
  void count_dropped(const std::vector<std::string>& sinks);

  // In the order of the sinks.  Blocks for the store.
  std::vector<SinkCounts> counts();

  // Stops taking up deliveries once a failure or an empty queue is met, cancels
  // what is still under way at the deadline, and ends the threads.  What was
  // not sent is pending in the store for the next start.
  void stop(std::chrono::steady_clock::time_point deadline);

 private:
  class Worker;

  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bailiff::sidecar
