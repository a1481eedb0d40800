// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/value_view.h"

#include <string.h>

#include <algorithm>
#include <utility>

namespace bailiff {
namespace {

template <typename Word>
std::uint64_t load(const char* from) {
  Word word = 0;
  ::memcpy(&word, from, sizeof word);
  return word;
}

// Up to 8 bytes as a word, some of them twice.
std::uint64_t short_word(std::string_view text) {
  const char* const begin = text.data();
  const std::size_t size = text.size();
  if (size >= 4) {
    return load<std::uint32_t>(begin) | load<std::uint32_t>(begin + size - 4)
                                            << 32;
  }
  if (size == 0) return 0;
  return load<std::uint8_t>(begin) | load<std::uint8_t>(begin + size / 2) << 8 |
         load<std::uint8_t>(begin + size - 1) << 16;
}

struct Owned {
  Value operator()(std::string_view text) const { return std::string(text); }
  template <typename T>
  Value operator()(const T& value) const {
    return value;
  }
};

struct Borrowed {
  ValueView operator()(const std::string& text) const {
    return std::string_view(text);
  }
  template <typename T>
  ValueView operator()(const T& value) const {
    return value;
  }
};

}  // namespace

std::uint64_t mixed_hash(std::uint64_t hash, std::uint64_t word) {
  // An odd number without a pattern: the fraction of the golden ratio.
  hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
  return hash ^ hash >> 32;
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = text.size();
  for (; text.size() > 8; text.remove_prefix(8)) {
    hash = mixed_hash(hash, load<std::uint64_t>(text.data()));
  }
  hash = mixed_hash(hash, short_word(text));
  return hash == 0 ? 1 : hash;
}

Value value_of(const ValueView& view) { return std::visit(Owned{}, view); }

ValueView view_of(const Value& value) { return std::visit(Borrowed{}, value); }

void Views::keep(Value value) {
  auto* owned = std::get_if<std::string>(&value);
  if (owned == nullptr) return add(view_of(value));
  std::string& kept = text();
  kept = std::move(*owned);
  add(kept);
}

void Views::grow() {
  constexpr std::size_t kFirst = 32;
  capacity_ = std::max(2 * capacity_, kFirst);
  auto values = std::make_unique<ExtractedValue[]>(capacity_);
  std::copy_n(values_.get(), size_, values.get());
  values_ = std::move(values);
}

std::string& Views::text() {
  if (used_texts_ == texts_.size()) texts_.emplace_back();
  std::string& text = texts_[used_texts_++];
  text.clear();
  return text;
}

}  // namespace bailiff
