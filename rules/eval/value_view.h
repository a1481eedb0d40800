// SPDX-License-Identifier: Apache-2.0
// rules/eval/value_view.h
// Values of an event, told without copies of its texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/types/value.h"

namespace bailiff {

// A Value whose text is somebody else's.
using ValueView =
    std::variant<Null, bool, std::int64_t, std::uint64_t, double,
                 std::string_view, IpAddress, IpNetwork, IpEndpoint>;

Value value_of(const ValueView& view);
// Borrows the text.
ValueView view_of(const Value& value);

// Never 0, so that 0 can mark what was not computed.
std::uint64_t hash_text(std::string_view text);
// A hash of what `hash` is of and of the word behind it.
std::uint64_t mixed_hash(std::uint64_t hash, std::uint64_t word);
// For containers, which are then asked without a copy of the text.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return hash_text(text);
  }
};

struct ExtractedValue {
  ValueView view;
  std::uint64_t hash = 0;  // of a text, once somebody has asked for it

  // Precondition: it is the text.
  std::uint64_t hash_of(std::string_view text) {
    if (hash == 0) hash = hash_text(text);
    return hash;
  }
};

// Collects the values fields extract.  What it has grown to it keeps, so that
// who clears it instead of making a new one allocates nothing in the end.
class Views {
 public:
  // Null, which stands for no value, is left out.  A text is borrowed: nobody
  // may change it until clear().
  void add(const ValueView& view) {
    if (std::holds_alternative<Null>(view)) return;
    if (size_ == capacity_) grow();
    ExtractedValue& value = values_[size_++];
    value.view = view;
    value.hash = 0;
  }
  // A text becomes this object's.
  void keep(Value value);
  // An empty text for what is put together without a copy; it stays until
  // clear(), and add() is still to be called with it.
  std::string& text();

  std::size_t size() const { return size_; }
  const ValueView& operator[](std::size_t index) const {
    return values_[index].view;
  }
  // Those from `begin` up to `end`, until the next add().
  std::span<ExtractedValue> values(std::size_t begin, std::size_t end) {
    return {values_.get() + begin, end - begin};
  }
  void clear() {
    size_ = 0;
    used_texts_ = 0;
  }

 private:
  void grow();

  std::unique_ptr<ExtractedValue[]> values_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::deque<std::string> texts_;  // their places do not change
  std::size_t used_texts_ = 0;
};

}  // namespace bailiff
