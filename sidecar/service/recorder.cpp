// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/recorder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "sidecar/alert/delivery.h"
#include "sidecar/service/log.h"

namespace bailiff::sidecar {
namespace {

// A store that failed is tried again after this long.
constexpr std::chrono::seconds kStoreRetry{1};

// Outcomes of which the time from the event says how fast responses are.
bool is_response_done(const std::string& outcome) {
  return outcome == "killed" || outcome == "process killed" ||
         outcome == "paused" || outcome == "isolated";
}

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::start(Store& store,
                                                  Metrics& metrics,
                                                  Stored stored) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return errno_error("eventfd");
  std::unique_ptr<Recorder> recorder(
      new Recorder(store, metrics, std::move(stored), std::move(wake)));
  recorder->thread_ = std::thread([raw = recorder.get()] { raw->run(); });
  return recorder;
}

Recorder::~Recorder() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  signal();
  if (thread_.joinable()) thread_.join();
}

bool Recorder::push(Work work, WhenFull when_full) {
  {
    std::unique_lock lock(mutex_);
    if (when_full == WhenFull::kWait) {
      less_.wait(lock, [this] {
        return queued_ < kMaxQueuedWork || !problem_.empty();
      });
    }
    if (queued_ >= kMaxQueuedWork) return false;
    ++queued_;
    incoming_.push_back({std::move(work), std::nullopt, 0});
  }
  signal();
  return true;
}

Status Recorder::store(const Draft& draft) {
  const Alert& alert = draft.alert;
  Result<Store::Appended> appended =
      store_.append(alert, draft.sinks, kMaxPending);
  {
    const std::lock_guard lock(mutex_);
    problem_ = appended ? "" : appended.error().message;
  }
  if (!appended) less_.notify_all();
  if (!appended) {
    log_repeated("store", "store alert: " + appended.error().message);
    return std::move(appended).error();
  }
  constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;
  metrics_.count_violation(draft.known_rule ? alert.rule : "unknown",
                           alert.policy, alert.verdict);
  metrics_.count_response(alert.response, alert.outcome);
  if (is_response_done(alert.outcome)) {
    metrics_.observe_response(alert.latency_us * kNanosecondsPerMicrosecond);
  }
  stored_(appended->dropped);
  return Ok{};
}

bool Recorder::drain(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return less_.wait_until(lock, deadline, [this] { return queued_ == 0; });
}

std::string Recorder::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Recorder::signal() const {
  // Fails only when the counter is full, and then the thread is awake.
  static_cast<void>(::eventfd_write(wake_.get(), 1));
}

void Recorder::run() {
  std::list<Queued> queue;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      queue.splice(queue.end(), incoming_);
    }
    bool store_failed = false;
    for (auto each = queue.begin(); each != queue.end() && !store_failed;) {
      if (each->work.ticket && !each->work.ticket->done()) {
        ++each;  // those behind it need not wait for it
      } else if (store_all(*each)) {
        if (each->work.stored) each->work.stored();
        each = queue.erase(each);
        const std::lock_guard lock(mutex_);
        --queued_;
        less_.notify_all();
      } else {
        store_failed = true;
      }
    }
    wait(queue, store_failed);
  }
}

bool Recorder::store_all(Queued& queued) {
  if (!queued.drafts) {
    queued.drafts = queued.work.draft();
    for (Draft& draft : *queued.drafts) {
      draft.alert.evidence = queued.work.evidence;
    }
    if (queued.work.ticket) {
      const ResponseResult result = queued.work.ticket->result();
      for (Draft& draft : *queued.drafts) {
        complete(draft, result, queued.work.event_ns);
      }
    }
  }
  while (queued.stored < queued.drafts->size()) {
    if (!store((*queued.drafts)[queued.stored])) return false;
    ++queued.stored;
  }
  return true;
}

void Recorder::wait(const std::list<Queued>& queue, bool store_failed) const {
  std::vector<pollfd> events = {
      {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  int timeout = -1;
  const auto at_most = [&](std::chrono::steady_clock::time_point when) {
    const int left = poll_timeout(when);
    timeout = timeout < 0 ? left : std::min(timeout, left);
  };
  // Held for as long as they are polled.
  std::vector<std::shared_ptr<const Waiting>> watched;
  for (const Queued& each : queue) {
    if (!each.work.ticket) continue;
    std::shared_ptr<const Waiting> waiting = each.work.ticket->waiting();
    if (!waiting) {
      // Done since it was looked at: nothing will tell of it again.
      if (!store_failed) at_most(std::chrono::steady_clock::now());
      continue;
    }
    at_most(each.work.ticket->deadline());
    if (std::find(watched.begin(), watched.end(), waiting) != watched.end()) {
      continue;
    }
    events.push_back(
        {.fd = waiting->fd(), .events = waiting->events(), .revents = 0});
    watched.push_back(std::move(waiting));
  }
  if (store_failed) {
    at_most(std::chrono::steady_clock::now() + kStoreRetry);
    // New work cannot be stored either: wake for the retry, not for it.
    events.front().fd = -1;
  }
  if (::poll(events.data(), events.size(), timeout) < 0) return;
  eventfd_t count = 0;
  if (events.front().revents != 0) ::eventfd_read(wake_.get(), &count);
}

}  // namespace bailiff::sidecar
