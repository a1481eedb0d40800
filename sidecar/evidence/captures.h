// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/captures.h
// Evidence before it is destroyed: freeze, collect, respond, write.
//
//   begin() ──▶ collector: freeze, read what dies with the processes ─┐
//                  a thread for each capture                         ▼
//               clock: at the limit, whichever comes first ──▶ respond, thaw
//                                                                    │
//               writer: copy, hash, compress, keep ◀─────────────────┘
//                  one thread for all
//
// Whoever answers an event is never held up: begin() returns at once, and what
// it is given to respond with is called once, by the collector or, when the
// limit has passed, by the clock.  Then the collector goes on with what is
// left, and says what is not.  A checkpoint (see checkpoint.h) is made last,
// before the response, and cut off by it; only what leaves processes that would
// suffer from that waits for it, as they are stopped meanwhile.  A collector
// may wait for as long as a container wants (memory and files that the
// container serves itself); the response does not wait for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oci/sys/cgroup.h"
#include "rules/base/result.h"
#include "sidecar/evidence/checkpoint.h"
#include "sidecar/evidence/collected.h"
#include "sidecar/evidence/evidence_folder.h"

namespace bailiff::sidecar {

// Captures that are collected at once.  Past it the response goes first, and
// the writer collects what is left.
inline constexpr std::size_t kMaxCollectors = 8;
// Captures that wait to be written, with up to 64 MiB each; past it there is no
// further capture.
inline constexpr std::size_t kMaxUnwritten = 32;
// A container whose events ask for captures again and again has one in this
// time; they all refer to it.
inline constexpr std::chrono::seconds kQuiet{60};

// What carries out the response.  It is told the capture's id, "" when there is
// none, and must not wait for anything.
using Respond = std::function<void(const std::string& evidence)>;

struct CaptureOptions {
  std::string run_dir;
  std::string node;
  std::chrono::milliseconds limit{250};  // 0: the response always goes first
  Secrets secrets = Secrets::kMask;
  // The most a checkpoint may hold, in bytes; 0: none is made.
  std::uint64_t checkpoint_bytes = 0;
  // Why this host has none; "": it may have.
  std::string no_checkpoint;
  // The cgroup of a container that is its own; the errors are those of
  // open_container_cgroup().
  std::function<Result<Cgroup>(const oci::ContainerRecord&)> open_cgroup;
  // Whether a response wants the container frozen: it then stays so.  Asked
  // behind the response; empty: none does.
  std::function<bool(std::uint64_t cgroup_id)> keeps_frozen;
  // One line of a capture that could not be written; empty: nobody is told.
  std::function<void(const std::string&)> log;
};

// Of one that is not (yet) in the folder.
struct PendingCapture {
  std::string id;
  std::string container;
  std::string state;  // "collecting", "writing", "failed"
  std::string error;
};

struct CaptureCounts {
  std::uint64_t complete = 0;
  std::uint64_t failed = 0;   // could not be written
  std::uint64_t refused = 0;  // too many at once
};

// Any thread.
class Captures {
 public:
  // Borrows `folder`.
  static Result<std::unique_ptr<Captures>> start(CaptureOptions options,
                                                 EvidenceFolder& folder);
  // As stop() with no time left.
  ~Captures();
  Captures(const Captures&) = delete;
  Captures& operator=(const Captures&) = delete;

  // Responds to what is being collected, and writes what there is until the
  // deadline.
  void stop(std::chrono::steady_clock::time_point deadline);

  enum class When {
    kUnlessRecent,  // see kQuiet
    kAnyway,
  };
  // What a response leaves of the container.
  enum class Leaves {
    kNothing,    // it is carried out at the limit
    kProcesses,  // while a checkpoint is made, when that is through
  };
  // Begins a capture of the container, or joins the one under way.  `respond`
  // may be called before this returns.  The id, "" when there is none.
  std::string begin(CaptureRequest request, const Respond& respond,
                    Leaves leaves = Leaves::kNothing,
                    When when = When::kUnlessRecent);

  // For a response that asks for no capture itself: while one of the container
  // is being collected, `respond` is called behind it, else at once.
  void respond(std::uint64_t cgroup_id, const Respond& respond,
               Leaves leaves = Leaves::kNothing);

  // Blocks until the capture is written or has failed; false when the deadline
  // came first.
  bool wait(const std::string& id,
            std::chrono::steady_clock::time_point deadline);

  // Those that are not in the folder: on their way, or failed lately.
  std::vector<PendingCapture> pending() const;
  CaptureCounts counts() const;

 private:
  struct Capture;
  struct Shared;
  explicit Captures(std::shared_ptr<Shared> shared);

  // Shared with the collectors, of which one that hangs may outlive this.
  const std::shared_ptr<Shared> shared_;
  struct Threads;
  std::unique_ptr<Threads> threads_;
};

// A container that was frozen when the service died: it is still, unless a
// checkpoint was being made of it.
struct Interrupted {
  std::string container;
  std::uint64_t cgroup_id = 0;
  StartedProcess checkpoint;  // what made it; 0: none
  bool was_frozen = false;    // before the capture, by somebody else
};

// Those that `run_dir` tells of.  What was to follow is in the journal of
// responses, which had it first.
std::vector<Interrupted> interrupted_captures(const std::string& run_dir);
// Ends its checkpoint; thaws it, unless a response wants it frozen or somebody
// else did, and forgets it.
Status settle(const std::string& run_dir, const Interrupted& interrupted,
              bool stays_frozen);

}  // namespace bailiff::sidecar
