// SPDX-License-Identifier: Apache-2.0
#include "rules/document/scalar_map.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace bailiff::yaml {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_break(char c) { return c == '\n' || c == '\r'; }

// Walks the raw scalar and its value side by side.  The value decides what a
// fold came to, so that the rules of folding need not be told a second time.
class Aligner {
 public:
  Aligner(std::string_view raw, std::uint32_t source, std::size_t begin,
          std::string_view value)
      : raw_(raw), source_(source), at_(begin), value_(value) {}

  // Whether all of the value was found.
  bool align() {
    skip_properties();
    if (at_ >= raw_.size()) return value_.empty();
    switch (raw_[at_]) {
      case '"':
        ++at_;
        return flow('"');
      case '\'':
        ++at_;
        return flow('\'');
      case '|':
      case '>':
        return block();
      default:
        return flow('\0');
    }
  }

  LocatedText take() && { return std::move(found_); }

 private:
  bool done() const { return next_ == value_.size(); }
  char wanted() const { return value_[next_]; }
  bool at_end() const { return at_ >= raw_.size(); }

  void emit(std::size_t raw_offset) {
    found_.push(value_[next_++], source_,
                static_cast<std::uint32_t>(raw_offset));
  }

  // Anchors and tags in front of the scalar.
  void skip_properties() {
    while (!at_end() && (raw_[at_] == '&' || raw_[at_] == '!')) {
      while (!at_end() && !is_blank(raw_[at_]) && !is_break(raw_[at_])) ++at_;
      while (!at_end() && (is_blank(raw_[at_]) || is_break(raw_[at_]))) ++at_;
    }
  }

  // Plain ('\0') and quoted scalars.
  bool flow(char quote) {
    while (!done()) {
      if (at_end()) return false;
      const char c = raw_[at_];
      if (quote == '"' && c == '\\') {
        if (!escape()) return false;
      } else if (quote == '\'' && c == '\'') {
        if (wanted() != '\'') return false;
        emit(at_);
        at_ += 2;
      } else if (is_blank(c) || is_break(c)) {
        if (!white_space()) return false;
      } else if (c == wanted()) {
        emit(at_++);
      } else {
        return false;
      }
    }
    return true;
  }

  // Blanks within a line are themselves; around line ends they vanish, and
  // the line ends become what the value has: a space or line feeds.
  bool white_space() {
    std::size_t end = at_;
    std::size_t breaks = 0;
    std::size_t first_break = 0;
    while (end < raw_.size() && (is_blank(raw_[end]) || is_break(raw_[end]))) {
      if (raw_[end] == '\n') {
        if (breaks++ == 0) first_break = end;
      }
      ++end;
    }
    if (breaks == 0) {
      for (; at_ < end && !done() && raw_[at_] == wanted(); ++at_) emit(at_);
      return at_ == end || done();
    }
    if (wanted() == ' ') {
      emit(first_break);
    } else {
      for (std::size_t i = 0; i + 1 < breaks && !done() && wanted() == '\n';
           ++i) {
        emit(first_break);
      }
    }
    at_ = end;
    return true;
  }

  // A backslash escape in double quotes: the bytes it makes all lie at it.
  bool escape() {
    const std::size_t begin = at_++;
    if (at_end()) return false;
    const char kind = raw_[at_++];
    if (is_break(kind)) {
      if (kind == '\r' && !at_end() && raw_[at_] == '\n') ++at_;
      while (!at_end() && is_blank(raw_[at_])) ++at_;
      return true;
    }
    std::size_t digits = 0;
    if (kind == 'x') digits = 2;
    if (kind == 'u') digits = 4;
    if (kind == 'U') digits = 8;
    at_ = std::min(at_ + digits, raw_.size());
    const bool one_byte =
        digits == 0 && kind != 'N' && kind != '_' && kind != 'L' && kind != 'P';
    if (one_byte || static_cast<unsigned char>(wanted()) < 0x80) {
      emit(begin);
      return true;
    }
    emit(begin);  // the lead byte of a UTF-8 sequence, then the rest
    while (!done() && (static_cast<unsigned char>(wanted()) & 0xc0) == 0x80) {
      emit(begin);
    }
    return true;
  }

  std::size_t line_end(std::size_t from) const {
    return std::min(raw_.find('\n', from), raw_.size());
  }

  bool block() {
    at_ = line_end(at_) + 1;  // the header and its comment
    std::size_t indent = std::string_view::npos;
    while (!done()) {
      if (at_end()) return false;
      const std::size_t end = line_end(at_);
      std::size_t content_end = end;
      if (content_end > at_ && raw_[content_end - 1] == '\r') --content_end;
      const std::size_t text =
          std::min(raw_.find_first_not_of(' ', at_), content_end);
      if (indent == std::string_view::npos && text < content_end) {
        // What the value keeps of the first line's blanks is its own, the
        // rest is the block's indentation.
        const std::size_t own =
            std::min(value_.find_first_not_of(' ', next_), value_.size()) -
            next_;
        if (own > text - at_) return false;
        indent = text - at_ - own;
      }
      const std::size_t skipped =
          indent == std::string_view::npos ? text - at_ : indent;
      at_ = std::min(at_ + skipped, content_end);
      for (; at_ < content_end && !done(); ++at_) {
        if (raw_[at_] != wanted()) return false;
        emit(at_);
      }
      if (!done() && (wanted() == '\n' || wanted() == ' ')) {
        const bool folds = wanted() == '\n' || text < content_end;
        if (folds) emit(end);
      }
      at_ = end + 1;
    }
    return true;
  }

  std::string_view raw_;
  std::uint32_t source_;
  std::size_t at_;
  std::string_view value_;
  std::size_t next_ = 0;  // in value_
  LocatedText found_;
};

}  // namespace

LocatedText map_scalar(std::string_view raw, std::uint32_t source,
                       std::uint32_t begin, std::string_view value) {
  if (!value.empty()) {
    // Most scalars: plain, on one line.
    const bool indicator =
        begin < raw.size() &&
        std::string_view("\"'|>&!").find(raw[begin]) != std::string_view::npos;
    if (!indicator && raw.substr(std::min<std::size_t>(begin, raw.size()))
                          .starts_with(value)) {
      LocatedText plain;
      plain.push_run(value, source, begin);
      return plain;
    }
    Aligner aligner(raw, source, begin, value);
    if (aligner.align()) return std::move(aligner).take();
  }
  return LocatedText(std::string(value),
                     {.source = source, .begin = begin, .end = begin + 1});
}

}  // namespace bailiff::yaml
