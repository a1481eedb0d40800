// SPDX-License-Identifier: Apache-2.0
// rules/document/placed_texts.h
// Short texts and where they were written: one, or a million of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/source.h"

namespace bailiff {

// A short text and its place.
struct PlacedText {
  std::string text;
  Span span;
};

// A sequence of PlacedText in one buffer: a list of a million addresses takes
// 30 MB, and no allocation for each.  Elements are made when they are asked
// for, so there are no references to them.
class PlacedTexts {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = PlacedText;
    using difference_type = std::ptrdiff_t;
    using pointer = const PlacedText*;
    using reference = PlacedText;

    Iterator(const PlacedTexts& texts, std::size_t index)
        : texts_(&texts), index_(index) {}
    PlacedText operator*() const { return (*texts_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const PlacedTexts* texts_;
    std::size_t index_;
  };

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::size_t bytes() const { return text_.size(); }
  // Precondition, here and below: index < size().  Views live until the next
  // change.
  std::string_view text(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : entries_[index - 1].text_end;
    return std::string_view(text_).substr(begin,
                                          entries_[index].text_end - begin);
  }
  Span span(std::size_t index) const;
  PlacedText operator[](std::size_t index) const {
    return {.text = std::string(text(index)), .span = span(index)};
  }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

  // For `count` elements of `bytes` in all.
  void reserve(std::size_t count, std::size_t bytes);
  void push_back(std::string_view text, const Span& span);
  void push_back(const PlacedText& item) { push_back(item.text, item.span); }
  void append(const PlacedTexts& other);

 private:
  struct Entry {
    std::size_t text_end;
    std::uint32_t begin;
    std::uint32_t end;
  };
  // Elements from `first` on, up to the next one's, are of `source`.
  struct Part {
    std::size_t first;
    std::uint32_t source;
  };

  std::string text_;
  std::vector<Entry> entries_;
  std::vector<Part> parts_;  // few: a list is seldom of more than one file
};

}  // namespace bailiff
