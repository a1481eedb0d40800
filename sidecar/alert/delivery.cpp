// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/delivery.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "sidecar/alert/timestamp.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Deliveries asked of the store at once: enough to keep a connection busy, few
// enough that what a stopping service leaves behind was not read in vain.
constexpr int kBatch = 32;
// Due times are of the wall clock, which may be set: nobody sleeps on one for
// longer than this.
constexpr milliseconds kLongestSleep{5000};
// A store that fails (disk full) is asked again after this.
constexpr milliseconds kStorePause{1000};

constexpr std::uint64_t kNanosPerMilli = 1'000'000;

// `first` doubled `times` times, at most `longest`.
milliseconds doubled(milliseconds first, int times, milliseconds longest) {
  milliseconds delay = first;
  for (int i = 0; i < times && delay < longest; ++i) delay *= 2;
  return std::min(delay, longest);
}

}  // namespace

milliseconds retry_delay(int attempts, std::uint64_t random) {
  const milliseconds full = doubled(kFirstRetry, attempts - 1, kLongestRetry);
  const auto half = static_cast<std::uint64_t>(full.count() / 2);
  return full - milliseconds(random % (half + 1));
}

class Forwarder::Worker {
 public:
  Worker(Store& store, NamedSink named, const Clock& clock)
      : store_(store),
        name_(std::move(named.name)),
        sink_(std::move(named.sink)),
        clock_(clock),
        random_(std::random_device{}()) {
    counts_.sink = name_;
    thread_ = std::thread([this] { run(); });
  }

  ~Worker() { finish_by(steady_clock::now()); }

  const std::string& name() const { return name_; }

  void notify() {
    const std::lock_guard lock(mutex_);
    notified_ = true;
    changed_.notify_all();
  }

  void count_dropped() {
    const std::lock_guard lock(mutex_);
    ++counts_.dropped;
  }

  SinkCounts counts() {
    Result<std::int64_t> pending = store_.pending(name_);
    const std::lock_guard lock(mutex_);
    SinkCounts counts = counts_;
    if (pending) {
      counts.pending = *pending;
    } else {
      counts.error = pending.error().message;
    }
    return counts;
  }

  void begin_stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

  // begin_stop(), cancels the attempt under way at the deadline, and waits for
  // the thread to end: what it did is counted when this returns.
  void finish_by(steady_clock::time_point deadline) {
    begin_stop();
    bool ended = false;
    {
      std::unique_lock lock(mutex_);
      ended = changed_.wait_until(lock, deadline, [this] { return ended_; });
    }
    if (!ended) sink_->cancel();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    while (true) {
      // Before looking: what is announced while looking is looked at again.
      clear_notified();
      const milliseconds pause = work();
      std::unique_lock lock(mutex_);
      if (stopping_) break;
      changed_.wait_for(lock, pause, [&] {
        // A failing sink's pause is not cut short by new alerts for it.
        return stopping_ || (notified_ && failures_ == 0);
      });
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  void clear_notified() {
    const std::lock_guard lock(mutex_);
    notified_ = false;
  }

  // Posts what is due; the time until there may be more.
  milliseconds work() {
    while (true) {
      Result<std::vector<Delivery>> due = store_.due(name_, clock_(), kBatch);
      if (!due) return store_failed(due.error());
      if (due->empty()) return until_next_due();
      for (const Delivery& delivery : *due) {
        const Sink::Attempt attempt = sink_->post(delivery);
        Status stored = conclude(delivery, attempt);
        if (!stored) return store_failed(stored.error());
        if (attempt.outcome == Sink::Outcome::kRetry) return sink_pause();
      }
    }
  }

  milliseconds until_next_due() {
    Result<std::optional<std::uint64_t>> next = store_.next_due(name_);
    if (!next) return store_failed(next.error());
    if (!*next) return kLongestSleep;
    const std::uint64_t now = clock_();
    if (**next <= now) return milliseconds(0);
    // Rounded up, so as not to look a moment too early.
    const std::uint64_t wait = (**next - now) / kNanosPerMilli + 1;
    return std::min(kLongestSleep,
                    milliseconds(static_cast<std::int64_t>(
                        std::min(wait, std::uint64_t(kLongestSleep.count())))));
  }

  Status conclude(const Delivery& delivery, const Sink::Attempt& attempt) {
    switch (attempt.outcome) {
      case Sink::Outcome::kDelivered:
        RETURN_IF_ERROR(store_.delivered(delivery.id));
        failures_ = 0;
        count(&SinkCounts::delivered, "");
        return Ok{};
      case Sink::Outcome::kRefused:
        RETURN_IF_ERROR(store_.undelivered(delivery.id, attempt.error, 0));
        failures_ = 0;  // it did answer
        count(&SinkCounts::failed, attempt.error);
        return Ok{};
      case Sink::Outcome::kRetry:
        break;
    }
    ++failures_;
    const int attempts = delivery.attempts + 1;
    if (attempts >= kMaxAttempts) {
      RETURN_IF_ERROR(store_.undelivered(delivery.id, attempt.error, 0));
      count(&SinkCounts::failed, attempt.error);
      return Ok{};
    }
    milliseconds delay = retry_delay(attempts, random_());
    if (attempt.retry_after) {
      const std::chrono::seconds longest =
          std::chrono::duration_cast<std::chrono::seconds>(kLongestRetryAfter);
      asked_pause_ = std::min(*attempt.retry_after, longest);
      delay = std::max(delay, asked_pause_);
    }
    const std::uint64_t next =
        clock_() + static_cast<std::uint64_t>(delay.count()) * kNanosPerMilli;
    RETURN_IF_ERROR(store_.undelivered(delivery.id, attempt.error, next));
    count(&SinkCounts::retried, attempt.error);
    return Ok{};
  }

  // How long the receiver is left alone after a failure.
  milliseconds sink_pause() {
    const milliseconds pause =
        doubled(kFirstRetry, failures_ - 1, kLongestPause);
    return std::max(pause, std::exchange(asked_pause_, milliseconds(0)));
  }

  milliseconds store_failed(const Error& error) {
    const std::lock_guard lock(mutex_);
    counts_.error = error.message;
    return kStorePause;
  }

  void count(std::uint64_t SinkCounts::*counter, const std::string& error) {
    const std::lock_guard lock(mutex_);
    ++(counts_.*counter);
    counts_.error = error;
  }

  Store& store_;
  const std::string name_;
  const std::unique_ptr<Sink> sink_;
  const Clock clock_;
  std::mt19937_64 random_;  // of the worker's thread, as are the next two
  int failures_ = 0;        // attempts in a row that ended with kRetry
  milliseconds asked_pause_{0};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  SinkCounts counts_;
  bool notified_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  std::thread thread_;
};

Forwarder::Forwarder(Store& store, std::vector<NamedSink> sinks, Clock clock) {
  if (!clock) clock = now_ns;
  for (NamedSink& named : sinks) {
    workers_.push_back(
        std::make_unique<Worker>(store, std::move(named), clock));
  }
}

Forwarder::~Forwarder() { stop(steady_clock::now()); }

void Forwarder::notify() {
  for (const auto& worker : workers_) worker->notify();
}

void Forwarder::count_dropped(const std::vector<std::string>& sinks) {
  for (const std::string& sink : sinks) {
    for (const auto& worker : workers_) {
      if (worker->name() == sink) worker->count_dropped();
    }
  }
}

std::vector<SinkCounts> Forwarder::counts() {
  std::vector<SinkCounts> counts;
  for (const auto& worker : workers_) counts.push_back(worker->counts());
  return counts;
}

void Forwarder::stop(steady_clock::time_point deadline) {
  for (const auto& worker : workers_) worker->begin_stop();
  for (const auto& worker : workers_) worker->finish_by(deadline);
}

}  // namespace bailiff::sidecar
