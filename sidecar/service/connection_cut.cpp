// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/connection_cut.h"

#include <utility>

namespace bailiff::sidecar {

std::uint32_t ConnectionCut::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

void ConnectionCut::then(std::function<void()> told) {
  {
    const std::lock_guard lock(mutex_);
    if (!known_) {
      told_ = std::move(told);
      return;
    }
  }
  told();
}

void ConnectionCut::finish(std::uint32_t count) {
  std::function<void()> told;
  {
    const std::lock_guard lock(mutex_);
    known_ = true;
    count_ = count;
    told = std::exchange(told_, nullptr);
  }
  if (told) told();
}

}  // namespace bailiff::sidecar
