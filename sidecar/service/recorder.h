// SPDX-License-Identifier: Apache-2.0
// sidecar/service/recorder.h
// Stores what was decided once the outcome is known, on a thread of its own,
// so that the thread that reads events and starts responses waits for nobody:
// not for a dying container, not for the disk, not for a user database.
//
//   intake ──push()──▶ [bounded queue] ──▶ wait for the response ──▶ Store ──▶
//   sinks
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"
#include "sidecar/respond/ticket.h"
#include "sidecar/service/connection_cut.h"
#include "sidecar/service/draft.h"
#include "sidecar/service/metrics.h"
#include "sidecar/store/store.h"

namespace bailiff::sidecar {

// Decisions that may wait to be stored.  At a kilobyte each and a store that
// takes a hundred microseconds, 16384 are 16 MiB and two seconds.  Past it
// push() refuses: the response has been started all the same, and the caller
// counts what is not told.
inline constexpr std::size_t kMaxQueuedWork = 16384;

struct Work {
  // What the drafts wait for before anything is queued; may be nullptr.
  ConnectionCutPtr cut;
  // Makes the drafts; called once, on the recorder's thread.
  std::function<std::vector<Draft>()> draft;
  TicketPtr ticket;              // what the drafts await; may be nullptr
  std::string evidence;          // of the capture that was made first; or ""
  std::uint64_t event_ns = 0;    // CLOCK_MONOTONIC
  std::function<void()> stored;  // afterwards, same thread; may be empty
  // Instead, by whoever was refused by push(), when it is told by nobody.
  std::function<void()> dropped;
};

class Recorder {
 public:
  // Told the sinks whose queue was full after each alert that was stored.
  using Stored = std::function<void(const std::vector<std::string>& dropped)>;

  // Borrows `store` and `metrics`.
  static Result<std::unique_ptr<Recorder>> start(Store& store, Metrics& metrics,
                                                 Stored stored);
  // Ends the thread; what is still waiting is lost.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  enum class WhenFull {
    kRefuse,
    kWait,  // for room, as long as the store works
  };
  // False when it was not queued.  Any thread; does not block but with kWait.
  bool push(Work work, WhenFull when_full = WhenFull::kRefuse);
  // Stores a complete draft now.  Any thread; blocks for the store.
  Status store(const Draft& draft);

  // Waits until nothing is queued; false when the deadline came first.
  bool drain(std::chrono::steady_clock::time_point deadline);

  // Why the last alert could not be stored; "" when it could.
  std::string problem() const;

 private:
  struct Queued {
    Work work;
    std::optional<std::vector<Draft>> drafts;
    std::size_t stored = 0;  // of drafts
  };

  Recorder(Store& store, Metrics& metrics, Stored stored, UniqueFd wake)
      : store_(store),
        metrics_(metrics),
        stored_(std::move(stored)),
        wake_(std::move(wake)) {}

  void run();
  void wait(const std::list<Queued>& queue, bool store_failed) const;
  bool store_all(Queued& queued);
  void signal() const;

  Store& store_;
  Metrics& metrics_;
  const Stored stored_;
  const UniqueFd wake_;  // eventfd

  mutable std::mutex mutex_;
  std::condition_variable less_;  // queued_ sank, or problem_ changed
  std::list<Queued> incoming_;
  std::size_t queued_ = 0;  // everywhere
  bool stopping_ = false;
  std::string problem_;

  std::thread thread_;
};

}  // namespace bailiff::sidecar
