// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/updater.h"

#include <algorithm>
#include <utility>

namespace bailiff::sidecar {

Updater::Updater(std::function<void()> work, std::chrono::seconds period)
    : work_(std::move(work)), period_(period), thread_([this] { run(); }) {}

Updater::~Updater() { stop(); }

void Updater::stop() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Updater::ask() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_one();
}

void Updater::ask_at(std::chrono::steady_clock::time_point when) {
  {
    const std::lock_guard lock(mutex_);
    due_ = std::min(due_.value_or(when), when);
  }
  changed_.notify_one();
}

void Updater::run() {
  using std::chrono::steady_clock;
  std::unique_lock lock(mutex_);
  for (;;) {
    const steady_clock::time_point next = steady_clock::now() + period_;
    const auto until = [&] { return std::min(next, due_.value_or(next)); };
    while (!asked_ && !ends_) {
      // Also when it is time already, so that others have the lock.
      if (changed_.wait_until(lock, until()) == std::cv_status::timeout) break;
    }
    if (ends_) return;
    asked_ = false;
    due_.reset();
    lock.unlock();
    work_();
    lock.lock();
  }
}

}  // namespace bailiff::sidecar
