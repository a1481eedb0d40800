// SPDX-License-Identifier: Apache-2.0
#include "rules/base/source.h"

#include <algorithm>
#include <utility>

namespace bailiff {

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  line_begins_.reserve(
      static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')) +
      1);
  line_begins_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') {
      line_begins_.push_back(static_cast<std::uint32_t>(i + 1));
    }
  }
}

Position Source::position(std::uint32_t offset) const {
  offset = std::min(offset, static_cast<std::uint32_t>(text_.size()));
  const auto next =
      std::upper_bound(line_begins_.begin(), line_begins_.end(), offset);
  const auto line = static_cast<std::uint32_t>(next - line_begins_.begin());
  return {.line = line, .column = offset - line_begins_[line - 1] + 1};
}

std::string_view Source::line(std::uint32_t number) const {
  if (number == 0 || number > line_begins_.size()) return {};
  const std::uint32_t begin = line_begins_[number - 1];
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
