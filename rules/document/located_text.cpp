// SPDX-License-Identifier: Apache-2.0
#include "rules/document/located_text.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bailiff {

LocatedText::LocatedText(std::string text, Span place)
    : text_(std::move(text)) {
  runs_.push_back({.text_begin = 0, .place = place, .linear = false});
}

void LocatedText::push(char byte, std::uint32_t source, std::uint32_t offset) {
  push_run(std::string_view(&byte, 1), source, offset);
}

void LocatedText::push_run(std::string_view bytes, std::uint32_t source,
                           std::uint32_t offset) {
  if (bytes.empty()) return;
  const auto length = static_cast<std::uint32_t>(bytes.size());
  const bool continues = !runs_.empty() && runs_.back().linear &&
                         runs_.back().place.source == source &&
                         runs_.back().place.end == offset;
  if (continues) {
    runs_.back().place.end += length;
  } else {
    const Span place = {
        .source = source, .begin = offset, .end = offset + length};
    runs_.push_back(
        {.text_begin = text_.size(), .place = place, .linear = true});
  }
  text_ += bytes;
}

void LocatedText::append(const LocatedText& other, std::string_view separator) {
  text_ += separator;
  for (Run run : other.runs_) {
    run.text_begin += text_.size();
    runs_.push_back(run);
  }
  text_ += other.text_;
}

void LocatedText::truncate(std::size_t size) {
  if (size >= text_.size()) return;
  text_.resize(size);
  while (!runs_.empty() && runs_.back().text_begin >= size) runs_.pop_back();
  end_last_run();
}

void LocatedText::end_last_run() {
  if (runs_.empty() || !runs_.back().linear) return;
  Run& last = runs_.back();
  const auto length =
      static_cast<std::uint32_t>(text_.size() - last.text_begin);
  last.place.end = std::min(last.place.end, last.place.begin + length);
}

LocatedText LocatedText::slice(std::size_t begin, std::size_t end) const {
  LocatedText result;
  end = std::min(end, text_.size());
  if (begin >= end) return result;
  result.text_ = text_.substr(begin, end - begin);
  const auto after = std::upper_bound(
      runs_.begin(), runs_.end(), begin,
      [](std::size_t at, const Run& run) { return at < run.text_begin; });
  auto run = after == runs_.begin() ? after : std::prev(after);
  for (; run != runs_.end() && run->text_begin < end; ++run) {
    Run part = *run;
    const std::size_t cut =
        begin > run->text_begin ? begin - run->text_begin : 0;
    if (part.linear) {
      // Behind the run's own bytes there may be a separator.
      const std::uint32_t length = part.place.end - part.place.begin;
      part.place.begin += std::min(static_cast<std::uint32_t>(cut), length);
    }
    part.text_begin = run->text_begin + cut - begin;
    result.runs_.push_back(part);
  }
  result.end_last_run();
  return result;
}

LocatedText LocatedText::trimmed() const {
  constexpr std::string_view kBlanks = " \t\r\n\b\f\v";
  const std::size_t begin = text_.find_first_not_of(kBlanks);
  if (begin == std::string::npos) {
    LocatedText result;
    result.runs_ = runs_;
    for (Run& run : result.runs_) run.text_begin = 0;
    return result;
  }
  return slice(begin, text_.find_last_not_of(kBlanks) + 1);
}

const LocatedText::Run* LocatedText::run_of(std::size_t offset) const {
  const auto after = std::upper_bound(
      runs_.begin(), runs_.end(), offset,
      [](std::size_t at, const Run& run) { return at < run.text_begin; });
  return after == runs_.begin() ? nullptr : &*std::prev(after);
}

Span LocatedText::byte_span(std::size_t offset) const {
  const Run* run = run_of(offset);
  if (run == nullptr) return {};
  if (!run->linear) return run->place;
  // A byte behind the run's own is a separator of append().
  const auto index =
      std::min(static_cast<std::uint32_t>(offset - run->text_begin),
               run->place.end - run->place.begin);
  const std::uint32_t begin = run->place.begin + index;
  return {.source = run->place.source,
          .begin = begin,
          .end = std::min(begin + 1, run->place.end)};
}

Span LocatedText::span(std::size_t begin, std::size_t end) const {
  end = std::min(end, text_.size());
  begin = std::min(begin, text_.size());
  Span first = byte_span(begin);
  if (end <= begin) {
    first.end = first.begin;
    return first;
  }
  const Span last = byte_span(end - 1);
  if (last.source == first.source && last.end > first.begin) {
    first.end = last.end;
  }
  return first;
}

}  // namespace bailiff
