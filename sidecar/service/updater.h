// SPDX-License-Identifier: Apache-2.0
// sidecar/service/updater.h
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace bailiff::sidecar {

// Does a piece of work on a thread of its own: every `period`, and when it is
// asked to, once for all who asked while it had not begun.
class Updater {
 public:
  Updater(std::function<void()> work, std::chrono::seconds period);
  // Waits for work under way; what was asked for and has not begun is left.
  ~Updater();
  Updater(const Updater&) = delete;
  Updater& operator=(const Updater&) = delete;

  // Never blocks.  Any thread.
  void ask();

 private:
  void run();

  const std::function<void()> work_;
  const std::chrono::seconds period_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;
  bool ends_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bailiff::sidecar
