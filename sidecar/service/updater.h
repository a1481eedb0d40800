// SPDX-License-Identifier: Apache-2.0
// sidecar/service/updater.h
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace bailiff::sidecar {

// Does a piece of work on a thread of its own: every `period`, when it is asked
// to, once for all who asked while it had not begun, and at a time it was told.
class Updater {
 public:
  Updater(std::function<void()> work, std::chrono::seconds period);
  ~Updater();
  Updater(const Updater&) = delete;
  Updater& operator=(const Updater&) = delete;

  // Waits for work under way; what was asked for and has not begun is left.
  void stop();

  // Never blocks.  Any thread.
  void ask();
  // Once at that time, or whenever it works before; of several the first.  The
  // same.
  void ask_at(std::chrono::steady_clock::time_point when);

 private:
  void run();

  const std::function<void()> work_;
  const std::chrono::seconds period_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;
  std::optional<std::chrono::steady_clock::time_point> due_;
  bool ends_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bailiff::sidecar
