// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/kill_book.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

// The clock of event records.
std::uint64_t monotonic() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Whether a later event may have another result: then it is tried again.
bool worth_another_try(const KillResult& result) {
  return result.outcome.compare(0, 6, "error:") == 0;
}

}  // namespace

Kill::Kill(std::unique_ptr<Dying> dying)
    : deadline_(std::chrono::steady_clock::now() + kDeathLimit),
      dying_(std::move(dying)) {}

Kill::Kill(KillResult result)
    : deadline_(std::chrono::steady_clock::now()), result_(std::move(result)) {}

std::shared_ptr<const Dying> Kill::dying() const {
  const std::lock_guard lock(mutex_);
  return dying_;
}

bool Kill::done() {
  const std::lock_guard lock(mutex_);
  if (!dying_) return true;
  Result<bool> empty = dying_->empty();
  if (!empty) {
    result_.outcome = "error: " + empty.error().message;
  } else if (*empty) {
    result_.outcome = "killed";
  } else if (std::chrono::steady_clock::now() >= deadline_) {
    result_.outcome =
        "error: told to die but not dead after " +
        std::to_string(std::chrono::seconds(kDeathLimit).count()) + " s";
  } else {
    return false;
  }
  result_.monotonic_ns = monotonic();
  dying_ = nullptr;
  return true;
}

KillResult Kill::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

KillResult Kill::wait() {
  while (!done()) {
    const std::shared_ptr<const Dying> watched = dying();
    if (!watched) continue;  // another thread saw it done
    pollfd event{.fd = watched->fd(), .events = POLLPRI, .revents = 0};
    // An interrupted or failed poll is an early look, bounded by the deadline.
    static_cast<void>(::poll(&event, 1, poll_timeout(deadline_)));
  }
  return result();
}

KillPtr KillBook::kill(const oci::ContainerRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto before = std::find_if(
      entries_.begin(), entries_.end(),
      [&](const Entry& entry) { return entry.cgroup_id == record.cgroup_id; });
  if (before != entries_.end()) {
    const KillPtr kill = before->kill;
    if (!kill->done() || !worth_another_try(kill->result())) return kill;
    entries_.erase(before);
  }
  Result<std::unique_ptr<Dying>> dying = responder_.kill(record);
  KillPtr kill;
  if (dying) {
    kill = std::make_shared<Kill>(*std::move(dying));
  } else {
    const bool gone = dying.error().code == Code::kNotFound;
    kill = std::make_shared<Kill>(KillResult{
        .outcome = gone ? "already gone" : "error: " + dying.error().message,
        .monotonic_ns = monotonic()});
  }
  entries_.push_front({record.cgroup_id, kill});
  if (entries_.size() > kRememberedKills) entries_.pop_back();
  return kill;
}

}  // namespace bailiff::sidecar
