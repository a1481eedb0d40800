// SPDX-License-Identifier: Apache-2.0
#include "rules/document/placed_texts.h"

#include <algorithm>
#include <iterator>

namespace bailiff {

Span PlacedTexts::span(std::size_t index) const {
  const auto after = std::upper_bound(
      parts_.begin(), parts_.end(), index,
      [](std::size_t at, const Part& part) { return at < part.first; });
  return {.source = std::prev(after)->source,
          .begin = entries_[index].begin,
          .end = entries_[index].end};
}

void PlacedTexts::reserve(std::size_t count, std::size_t bytes) {
  entries_.reserve(count);
  text_.reserve(bytes);
}

void PlacedTexts::push_back(std::string_view text, const Span& span) {
  if (parts_.empty() || parts_.back().source != span.source) {
    parts_.push_back({.first = entries_.size(), .source = span.source});
  }
  text_ += text;
  entries_.push_back(
      {.text_end = text_.size(), .begin = span.begin, .end = span.end});
}

void PlacedTexts::append(const PlacedTexts& other) {
  for (std::size_t i = 0; i < other.size(); ++i) {
    push_back(other.text(i), other.span(i));
  }
}

}  // namespace bailiff
