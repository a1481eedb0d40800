// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/missing.h
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace bailiff::sidecar {

// A part that is not in the evidence, or not whole, and why.
struct Missing {
  std::string member;
  std::string reason;
};

// Bounded: a container with a million unreadable files has one line for most.
class MissingList {
 public:
  static constexpr std::size_t kMost = 1000;

  void add(std::string member, std::string reason) {
    if (list_.size() < kMost) {
      list_.push_back({std::move(member), std::move(reason)});
    } else {
      ++more_;
    }
  }
  // Also those of another one.
  void add(const MissingList& other) {
    for (const Missing& each : other.list_) add(each.member, each.reason);
    more_ += other.more_;
  }
  const std::vector<Missing>& list() const { return list_; }
  std::size_t more() const { return more_; }  // that are not in the list
  bool empty() const { return list_.empty(); }

 private:
  std::vector<Missing> list_;
  std::size_t more_ = 0;
};

}  // namespace bailiff::sidecar
