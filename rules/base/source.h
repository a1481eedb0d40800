// SPDX-License-Identifier: Apache-2.0
// rules/base/source.h
// The texts a user wrote, and places in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bailiff {

// A half-open byte range [begin, end) of one source.  `source` is its index in
// the SourceSet; kNoSource means "no place in a text" (a command line, say).
struct Span {
  static constexpr std::uint32_t kNoSource = UINT32_MAX;

  std::uint32_t source = kNoSource;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  bool operator==(const Span&) const = default;
};

// Where a byte is, for people: both count from 1; columns count bytes.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

// One text with its name (a path, or "<stdin>").
class Source {
  static constexpr std::size_t kLinesPerMark = 64;

 public:
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  // Offsets past the end give the position just behind the last byte.
  Position position(std::uint32_t offset) const;
  // The line (from 1) without its line end; empty past the last one.
  std::string_view line(std::uint32_t number) const;

 private:
  // Of the line with this index, from 0; npos past the last one.
  std::size_t line_begin(std::size_t index) const;

  std::string name_;
  std::string text_;
  // Of every kLinesPerMark-th line: a file may be nothing but line ends.
  std::vector<std::uint32_t> marks_;
};

// The sources of one load, in load order.  Owns them; references stay valid
// only until the next add().
class SourceSet {
 public:
  // Returns the index spans of this text use.
  std::uint32_t add(std::string name, std::string text);
  const Source& operator[](std::uint32_t index) const {
    return sources_[index];
  }
  std::size_t size() const { return sources_.size(); }

 private:
  std::vector<Source> sources_;
};

}  // namespace bailiff
