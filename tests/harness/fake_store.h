// SPDX-License-Identifier: Apache-2.0
// tests/harness/fake_store.h
// A Store in memory that keeps the contract of sidecar/store/store.h, with a
// clock the test owns.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/store/store.h"

namespace bailiff::sidecar {

class FakeStore : public Store {
 public:
  struct Queued {
    Delivery delivery;
    std::string state = "pending";
    std::string error;
    std::string rule;
    std::uint64_t due_ns = 0;
  };

  Result<Appended> append(const Alert& alert,
                          const std::vector<std::string>& sinks,
                          int max_pending) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return broken();
    const std::string json = to_json(alert);
    Appended appended{.id = next_alert_++};
    alerts_.push_back({alert,
                       {.id = appended.id,
                        .uuid = alert.uuid,
                        .time_ns = alert.time_ns,
                        .json = json}});
    for (const std::string& sink : sinks) {
      Queued queued{.delivery = {.id = next_delivery_++,
                                 .sink = sink,
                                 .json = json,
                                 .uuid = alert.uuid},
                    .rule = alert.rule};
      if (pending_[sink] >= max_pending) {
        queued.state = "failed";
        queued.error = "queue full";
        appended.dropped.push_back(sink);
      } else {
        ++pending_[sink];
      }
      queue_.push_back(queued);
    }
    changed_.notify_all();
    return appended;
  }

  Result<std::vector<StoredAlert>> query(const AlertQuery& query) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return broken();
    std::vector<StoredAlert> found;
    for (const auto& [alert, stored] : alerts_) {
      if (stored.id <= query.after) continue;
      if (!query.rule.empty() && alert.rule != query.rule) continue;
      if (query.priority && alert.priority > *query.priority) continue;
      if (alert.time_ns < query.since_ns) continue;
      if (!query.container.empty() && alert.container.name != query.container &&
          alert.container.id.rfind(query.container, 0) != 0) {
        continue;
      }
      if (static_cast<int>(found.size()) == query.limit) break;
      found.push_back(stored);
    }
    return found;
  }

  Result<std::vector<Delivery>> due(const std::string& sink,
                                    std::uint64_t now_ns, int limit) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return broken();
    std::vector<Delivery> found;
    for (const Queued& queued : queue_) {
      if (static_cast<int>(found.size()) == limit) break;
      if (is_pending(queued, sink) && queued.due_ns <= now_ns) {
        found.push_back(queued.delivery);
      }
    }
    return found;
  }

  Result<std::optional<std::uint64_t>> next_due(
      const std::string& sink) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return broken();
    std::optional<std::uint64_t> next;
    for (const Queued& queued : queue_) {
      if (!is_pending(queued, sink)) continue;
      next = std::min(next.value_or(queued.due_ns), queued.due_ns);
    }
    return next;
  }

  Status delivered(std::int64_t delivery) override {
    return conclude(delivery, "delivered", "", 0);
  }
  Status undelivered(std::int64_t delivery, const std::string& error,
                     std::uint64_t next_ns) override {
    return conclude(delivery, next_ns == 0 ? "failed" : "pending", error,
                    next_ns);
  }

  Result<std::vector<DeliveryState>> deliveries(bool failed_only,
                                                int limit) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return broken();
    std::vector<DeliveryState> found;
    for (const Queued& queued : queue_) {
      if (static_cast<int>(found.size()) == limit) break;
      if (failed_only && queued.state != "failed") continue;
      found.push_back({.id = queued.delivery.id,
                       .uuid = queued.delivery.uuid,
                       .rule = queued.rule,
                       .sink = queued.delivery.sink,
                       .state = queued.state,
                       .attempts = queued.delivery.attempts,
                       .error = queued.error});
    }
    return found;
  }

  Status retry(std::int64_t delivery) override {
    const std::lock_guard lock(mutex_);
    for (Queued& queued : queue_) {
      if (queued.delivery.id != delivery || queued.state != "failed") continue;
      queued.state = "pending";
      queued.due_ns = 0;
      ++pending_[queued.delivery.sink];
      return Ok{};
    }
    return Error{.code = Code::kNotFound, .message = "no such delivery"};
  }

  Result<std::int64_t> pending(const std::string& sink) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return broken();
    return pending_[sink];
  }

  std::int64_t newest() override {
    const std::lock_guard lock(mutex_);
    return next_alert_ - 1;
  }

  bool wait_for_newer(std::int64_t after, int timeout_ms) override {
    std::unique_lock lock(mutex_);
    const int woken = woken_;
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] {
      return next_alert_ - 1 > after || woken_ != woken;
    });
    return next_alert_ - 1 > after;
  }

  void wake() override {
    const std::lock_guard lock(mutex_);
    ++woken_;
    changed_.notify_all();
  }

  // For tests.

  // Every call fails from now on, as on a full disk.
  void break_down() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
  }

  // As many pending deliveries as if so many alerts had been appended.
  void fill_queue(const std::string& sink, int count) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < count; ++i) {
      queue_.push_back({.delivery = {.id = next_delivery_++, .sink = sink}});
    }
    pending_[sink] += count;
  }

  Queued queued(std::size_t index) {
    const std::lock_guard lock(mutex_);
    return queue_.at(index);
  }

  // Blocks until `ready` holds for the queue; false after 30 s.
  template <typename Ready>
  bool wait_until(Ready ready) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30),
                             [&] { return ready(queue_); });
  }
  bool wait_for_state(std::size_t index, const std::string& state) {
    return wait_until([&](const std::vector<Queued>& queue) {
      return queue.size() > index && queue[index].state == state;
    });
  }
  bool wait_for_attempts(std::size_t index, int attempts) {
    return wait_until([&](const std::vector<Queued>& queue) {
      return queue.size() > index && queue[index].delivery.attempts >= attempts;
    });
  }

 private:
  static Error broken() {
    return {.code = Code::kIo, .message = "the disk is full"};
  }

  static bool is_pending(const Queued& queued, const std::string& sink) {
    return queued.delivery.sink == sink && queued.state == "pending";
  }

  Status conclude(std::int64_t delivery, const std::string& state,
                  const std::string& error, std::uint64_t next_ns) {
    const std::lock_guard lock(mutex_);
    for (Queued& queued : queue_) {
      if (queued.delivery.id != delivery) continue;
      if (state != "pending") --pending_[queued.delivery.sink];
      queued.state = state;
      queued.error = error;
      queued.due_ns = next_ns;
      ++queued.delivery.attempts;
    }
    changed_.notify_all();
    return Ok{};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Alert, StoredAlert>> alerts_;
  std::vector<Queued> queue_;
  std::map<std::string, std::int64_t> pending_;
  std::int64_t next_alert_ = 1;
  std::int64_t next_delivery_ = 1;
  int woken_ = 0;
  bool broken_ = false;
};

}  // namespace bailiff::sidecar
