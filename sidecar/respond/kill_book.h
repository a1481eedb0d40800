// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/kill_book.h
// Kills each container once, however many events ask for it, and knows when it
// was dead.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "oci/spec/container_record.h"
#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {

// How long a killed container may take to be empty.  A process in an
// uninterruptible sleep dies when that ends; the outcome then says so.
inline constexpr std::chrono::seconds kDeathLimit{5};

// Kills that are remembered, so that late events of a container that was
// killed get its outcome and not "already gone".
inline constexpr std::size_t kRememberedKills = 1024;

struct KillResult {
  std::string outcome;             // "killed", "already gone" or "error: …"
  std::uint64_t monotonic_ns = 0;  // when that was known
};

// One kill under way or done.  Shared by everybody who asked for it and by the
// book, which remembers it for long: the descriptors it took are given back as
// soon as it is done.  Any thread.
class Kill {
 public:
  explicit Kill(std::unique_ptr<Dying> dying);
  // One that was over at once.
  explicit Kill(KillResult result);

  // Its fd() tells with POLLPRI that done() may have become true; nullptr when
  // it is.  Shared, so that no descriptor is closed while somebody polls it.
  std::shared_ptr<const Dying> dying() const;
  std::chrono::steady_clock::time_point deadline() const { return deadline_; }
  // Whether the result is there: the container is empty or the deadline has
  // passed.  Never blocks.
  bool done();
  // Precondition: done().
  KillResult result() const;
  // Blocks, at most until the deadline.
  KillResult wait();

 private:
  const std::chrono::steady_clock::time_point deadline_;
  mutable std::mutex mutex_;
  std::shared_ptr<Dying> dying_;  // nullptr: done
  KillResult result_;
};
using KillPtr = std::shared_ptr<Kill>;

// Any thread.
class KillBook {
 public:
  // Borrows `responder`.
  explicit KillBook(Responder& responder) : responder_(responder) {}

  // Starts to kill the container, or joins the kill that was started for its
  // cgroup before.  Never nullptr; does not wait.
  KillPtr kill(const oci::ContainerRecord& record);

 private:
  struct Entry {
    std::uint64_t cgroup_id;
    KillPtr kill;
  };

  Responder& responder_;
  std::mutex mutex_;
  std::deque<Entry> entries_;  // latest first
};

}  // namespace bailiff::sidecar
