// SPDX-License-Identifier: Apache-2.0
// rules/base/box.h
#pragma once

#include <memory>
#include <utility>

namespace bailiff {

// A T on the heap with the semantics of a T: copying copies it.  Lets a
// recursive type hold itself.  Never empty, except after being moved from.
template <typename T>
class Box {
 public:
  Box(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Box(const Box& other) : value_(std::make_unique<T>(*other)) {}
  Box(Box&&) noexcept = default;
  Box& operator=(const Box& other) {
    if (this != &other) value_ = std::make_unique<T>(*other);
    return *this;
  }
  Box& operator=(Box&&) noexcept = default;
  ~Box() = default;

  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

  bool operator==(const Box& other) const { return **this == *other; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace bailiff
