// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/notifier.h
// Answers the calls that containers' seccomp filters hold:
//
//   runtime ─▶ RUN_DIR/seccomp.sock ─▶ listener ─▶ store (keeper, systemd)
//   held call ─▶ ledger ─▶ the container's thread ─▶ EPERM, or let go on
//
// One thread receives, and answers what takes too long by the policy's
// on_failure.  It reads nothing of a caller, so no caller can make it wait.
// Each container has a thread of its own that reads the caller's memory and
// /proc and judges: one that is kept waiting keeps only its own container.
//
// A call that was refused returns EPERM, which the observer tells of, as it
// does of seccomp's own refusal: only by then the caller may have put something
// else where the arguments were.  So what was refused here, and what could not
// be judged, is handed to whoever tells before the caller is answered.  What
// was let go on is judged once more when it has returned.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "rules/base/result.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/notify/held_answer.h"

namespace bailiff::sidecar {

// From receiving a call to answering it.  Callers wait that long when they, or
// the host, keep the service from deciding; a healthy answer takes
// microseconds.
inline constexpr std::chrono::seconds kHeldLimit{2};

// Connections of runtimes that have not sent everything, and how long they may
// take.
inline constexpr std::size_t kMaxRuntimeConnections = 64;
inline constexpr std::chrono::seconds kRuntimeLimit{5};

class Notifier {
 public:
  struct Parts {
    std::string run_dir;
    // What keeps listeners when this process ends: see open_store().
    std::string keeper;
    // The container with this id as it runs; nullptr: not known (yet).  Called
    // by the containers' threads.
    std::function<ContainerPtr(const std::string& id)> container;
    // The current policy's: for a container that is not known.  Any thread.
    std::function<OnError()> on_failure;
    // Before the caller hears it: a call is refused, or nobody could judge it.
    // Called by any of the threads; does not block.
    std::function<void(HeldAnswer)> answered = [](const HeldAnswer&) {};
    // One line about what went wrong; `kind` is the same for lines that may
    // come at each call.
    std::function<void(const std::string& kind, const std::string& line)>
        report;
    std::chrono::milliseconds held_limit = kHeldLimit;
  };

  // Takes over what an earlier process left: the socket, the listeners, the
  // calls it had received.
  static Result<std::unique_ptr<Notifier>> start(Parts parts);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // What Parts::container says may be another from now on: the next call is
  // judged by what it says then.  Any thread.
  void containers_changed();

  // Listeners that a bailiffd after this one would not have, as whoever keeps
  // them has no room or does not answer: their containers' calls would fail
  // with ENOSYS.  Any thread.
  std::size_t unkept() const;

  // Answers no more, and once it has returned calls nothing of the parts. Calls
  // that are held wait for the next process.  The thread of a container that
  // keeps it waiting is left behind, with what it has of its own: a process
  // that ends must do so without the destructors of static objects.
  void stop();

 private:
  class Loop;
  explicit Notifier(std::unique_ptr<Loop> loop);

  std::unique_ptr<Loop> loop_;
};

}  // namespace bailiff::sidecar
