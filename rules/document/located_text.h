// SPDX-License-Identifier: Apache-2.0
// rules/document/located_text.h
// A text that was taken out of a source file, by a YAML parser or by joining
// pieces, and still knows where each of its bytes was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/source.h"

namespace bailiff {

class LocatedText {
 public:
  LocatedText() = default;
  // Every byte of `text` stands for the whole of `place`: for a text whose
  // bytes cannot be told apart in the source.
  LocatedText(std::string text, Span place);

  // Adds a byte written at `offset` of `source`.
  void push(char byte, std::uint32_t source, std::uint32_t offset);
  // Adds bytes that lie one after the other in `source` from `offset` on.
  void push_run(std::string_view bytes, std::uint32_t source,
                std::uint32_t offset);
  // Adds `separator`, which is nowhere, and `other` behind it.
  void append(const LocatedText& other, std::string_view separator);

  // Keeps the first `size` bytes, if there are more.
  void truncate(std::size_t size);

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  // The bytes [begin, end), of those there are.
  LocatedText slice(std::size_t begin, std::size_t end) const;
  // Without blanks and line ends at both ends.
  LocatedText trimmed() const;

  // The place of the bytes [begin, end) in the source: from the first of them
  // to the last, when both are in one source.  Offsets past the end give the
  // place just behind the last byte.
  Span span(std::size_t begin, std::size_t end) const;
  Span span() const { return span(0, text_.size()); }

 private:
  // Bytes from `text_begin` up to the next run's lie one after the other in
  // the source when `linear`, else all at `place`.
  struct Run {
    std::size_t text_begin;
    Span place;
    bool linear;
  };

  // Lets the last run end no later than the text.
  void end_last_run();
  const Run* run_of(std::size_t offset) const;
  Span byte_span(std::size_t offset) const;

  std::string text_;
  std::vector<Run> runs_;
};

}  // namespace bailiff
