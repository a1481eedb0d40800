// SPDX-License-Identifier: Apache-2.0
// hook/attach/undo.h
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace bailiff::hook {

// The way back from a change of several steps: runs what it was told, last
// first, when it goes out of scope before keep().
class Undo {
 public:
  [[nodiscard]] Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    while (!steps_.empty()) {
      steps_.back()();
      steps_.pop_back();
    }
  }

  // `step` takes one step back; it has nobody to report a failure to.
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  // The change is complete: it stays.
  void keep() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace bailiff::hook
