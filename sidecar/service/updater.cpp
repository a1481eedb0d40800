// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/updater.h"

#include <utility>

namespace bailiff::sidecar {

Updater::Updater(std::function<void()> work, std::chrono::seconds period)
    : work_(std::move(work)), period_(period), thread_([this] { run(); }) {}

Updater::~Updater() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Updater::ask() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_one();
}

void Updater::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, period_, [this] { return asked_ || ends_; });
    if (ends_) return;
    asked_ = false;
    lock.unlock();
    work_();
    lock.lock();
  }
}

}  // namespace bailiff::sidecar
