// SPDX-License-Identifier: Apache-2.0
#include "rules/base/source.h"

#include <algorithm>
#include <utility>

namespace bailiff {

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  std::size_t line = 0;
  for (std::size_t at = 0; at != std::string::npos; ++line) {
    if (line % kLinesPerMark == 0) {
      marks_.push_back(static_cast<std::uint32_t>(at));
    }
    at = text_.find('\n', at);
    if (at != std::string::npos) ++at;
  }
}

Position Source::position(std::uint32_t offset) const {
  offset = std::min(offset, static_cast<std::uint32_t>(text_.size()));
  const auto next = std::upper_bound(marks_.begin(), marks_.end(), offset);
  const auto mark = static_cast<std::size_t>(next - marks_.begin()) - 1;
  std::size_t line = mark * kLinesPerMark;
  std::size_t begin = marks_[mark];
  while (true) {
    const std::size_t end = text_.find('\n', begin);
    if (end == std::string::npos || end >= offset) break;
    begin = end + 1;
    ++line;
  }
  return {.line = static_cast<std::uint32_t>(line + 1),
          .column = static_cast<std::uint32_t>(offset - begin + 1)};
}

std::size_t Source::line_begin(std::size_t index) const {
  if (index / kLinesPerMark >= marks_.size()) return std::string::npos;
  std::size_t begin = marks_[index / kLinesPerMark];
  for (std::size_t skip = index % kLinesPerMark; skip > 0; --skip) {
    const std::size_t end = text_.find('\n', begin);
    if (end == std::string::npos) return std::string::npos;
    begin = end + 1;
  }
  return begin;
}

std::string_view Source::line(std::uint32_t number) const {
  if (number == 0) return {};
  const std::size_t begin = line_begin(number - 1);
  if (begin == std::string::npos) return {};
  const std::size_t newline = text_.find('\n', begin);
  const std::size_t end = newline == std::string::npos ? text_.size() : newline;
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::uint32_t SourceSet::add(std::string name, std::string text) {
  sources_.emplace_back(std::move(name), std::move(text));
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

}  // namespace bailiff
