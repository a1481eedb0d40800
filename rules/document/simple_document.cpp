// SPDX-License-Identifier: Apache-2.0
#include "rules/document/simple_document.h"

#include <algorithm>
#include <string>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

namespace bailiff::yaml {
namespace {

// The library takes no key that is longer than 1024.
constexpr std::size_t kMaxKey = 1000;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

// What YAML reads as nothing.
bool is_null(std::string_view text) {
  return text == "null" || text == "Null" || text == "NULL";
}

class Reader {
 public:
  Reader(std::string_view text, YAML::EventHandler& events)
      : text_(text), events_(events) {}

  bool document() {
    find_content();
    if (!at_entry() && key_size() == 0) return false;
    events_.OnDocumentStart(mark(at_));
    if (!(at_entry() ? sequence() : mapping()) || !at_end()) return false;
    events_.OnDocumentEnd();
    return true;
  }

 private:
  static YAML::Mark mark(std::size_t at) {
    YAML::Mark mark;
    mark.pos = static_cast<int>(at);
    return mark;
  }

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return char_at(at_); }
  char char_at(std::size_t at) const {
    return at < text_.size() ? text_[at] : '\0';
  }
  std::size_t column() const { return at_ - line_; }
  void skip_spaces() {
    while (peek() == ' ') ++at_;
  }
  // The text ends in one.
  void skip_to_line_end() { at_ = text_.find('\n', at_); }

  // From the begin of a line to the first thing that is no comment.
  void find_content() {
    while (true) {
      line_ = at_;
      skip_spaces();
      if (peek() == '#') skip_to_line_end();
      if (peek() != '\n') return;
      ++at_;
    }
  }

  // Takes what may stand behind a node on its line, and goes on to the next
  // thing.
  bool end_line() {
    if (!at_line_end()) return false;
    ++at_;
    find_content();
    return true;
  }
  // Takes blanks and a comment.
  bool at_line_end() {
    const std::size_t before = at_;
    skip_spaces();
    if (peek() == '#' && at_ > before) skip_to_line_end();
    return peek() == '\n';
  }

  bool at_entry() const { return peek() == '-' && char_at(at_ + 1) == ' '; }

  // Of the key that stands here with its colon; 0: there is none.
  std::size_t key_size() const {
    if (!is_letter(peek())) return 0;
    std::size_t end = at_ + 1;
    while (is_letter(char_at(end)) || is_digit(char_at(end)) ||
           is_one_of(char_at(end), "_-.")) {
      ++end;
    }
    const bool key = char_at(end) == ':' && is_one_of(char_at(end + 1), " \n");
    return key && end - at_ <= kMaxKey ? end - at_ : 0;
  }

  void scalar(std::size_t begin, bool plain, const std::string& value) {
    static const std::string kPlainTag = "?";
    static const std::string kOtherTag = "!";
    events_.OnScalar(mark(begin), plain ? kPlainTag : kOtherTag,
                     YAML::NullAnchor, value);
  }

  // Productions below begin at the first character of what they read, and end
  // at the next thing, be it lines below.  `parent` is the column of the
  // collection a node is in.

  bool sequence() {
    const std::size_t own = column();
    events_.OnSequenceStart(mark(at_), "?", YAML::NullAnchor,
                            YAML::EmitterStyle::Block);
    while (at_entry() && column() == own) {
      ++at_;
      skip_spaces();
      if (is_one_of(peek(), "\n#") || !block_node(own)) return false;
    }
    events_.OnSequenceEnd();
    return true;
  }

  bool mapping() {
    const std::size_t own = column();
    events_.OnMapStart(mark(at_), "?", YAML::NullAnchor,
                       YAML::EmitterStyle::Block);
    while (column() == own) {
      const std::size_t size = key_size();
      if (size == 0) break;
      const std::string_view key = text_.substr(at_, size);
      if (is_null(key)) return false;
      scalar(at_, true, std::string(key));
      at_ += size + 1;
      if (!mapped_value(own)) return false;
    }
    events_.OnMapEnd();
    return true;
  }

  bool mapped_value(std::size_t own) {
    if (!at_line_end()) return flow_node(own);
    ++at_;
    find_content();
    // Dashes need not be indented below a key.
    if (column() == own && at_entry()) return sequence();
    return column() > own && block_node(own);
  }

  bool block_node(std::size_t parent) {
    if (at_entry()) return sequence();
    if (key_size() > 0) return mapping();
    return flow_node(parent);
  }

  bool flow_node(std::size_t parent) {
    switch (peek()) {
      case '[':
        return brackets() && end_line();
      case '"':
      case '\'':
        return quoted() && end_line();
      case '|':
      case '>':
        return block_scalar(parent);
      default:
        return plain(parent);
    }
  }

  bool brackets() {
    events_.OnSequenceStart(mark(at_), "?", YAML::NullAnchor,
                            YAML::EmitterStyle::Flow);
    ++at_;
    while (true) {
      skip_lines();
      if (peek() == ']') break;  // perhaps behind a comma
      if (!element()) return false;
      skip_lines();
      if (peek() == ',') {
        ++at_;
      } else if (peek() != ']') {
        return false;
      }
    }
    ++at_;
    events_.OnSequenceEnd();
    return true;
  }
  // Blanks, comments and line ends.
  void skip_lines() {
    if (!at_line_end()) return;
    ++at_;
    find_content();
  }

  bool element() {
    if (peek() == '[') return brackets();
    if (is_one_of(peek(), "\"'")) return quoted();
    const std::size_t begin = at_;
    if (!plain_line(true)) return false;
    const std::string_view value = text_.substr(begin, at_ - begin);
    if (is_null(value)) return false;
    scalar(begin, true, std::string(value));
    return true;
  }

  // On one line, without escapes but \" and \\ and ''.
  bool quoted() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    std::string value;
    for (; peek() != '\n'; ++at_) {
      if (peek() == quote) {
        const bool doubled = quote == '\'' && char_at(at_ + 1) == quote;
        ++at_;
        if (!doubled) {
          scalar(begin, false, value);
          return true;
        }
      } else if (peek() == '\\' && quote == '"') {
        ++at_;
        if (!is_one_of(peek(), "\"\\")) return false;
      }
      value += peek();
    }
    return false;
  }

  // Whether a plain scalar may begin here: with nothing that YAML has a use
  // for.
  bool may_begin_plain() const {
    const char c = peek() == '-' ? char_at(at_ + 1) : peek();
    if (is_letter(c) || is_digit(c)) return true;
    return peek() != '-' && is_one_of(c, "_./+()$^=;<\\");
  }

  // Takes a plain scalar's part of this line, up to its last character that is
  // no blank.
  bool plain_line(bool in_brackets) {
    if (!may_begin_plain()) return false;
    return rest_of_plain_line(in_brackets);
  }
  bool rest_of_plain_line(bool in_brackets) {
    const std::string_view ends = in_brackets ? " \n,[]{}" : " \n";
    std::size_t end = at_;
    for (; peek() != '\n'; ++at_) {
      const char c = peek();
      if (c == ' ') continue;
      if (c == '#' && at_ > end) break;
      if (in_brackets) {
        if (c == ',' || c == ']') break;
        if (is_one_of(c, "[{}?")) return false;
      }
      if (c == ':' && is_one_of(char_at(at_ + 1), ends)) return false;
      end = at_ + 1;
    }
    at_ = end;
    return true;
  }

  bool plain(std::size_t parent) {
    const std::size_t begin = at_;
    if (!plain_line(false)) return false;
    std::string value(text_.substr(begin, at_ - begin));
    if (is_null(value)) return false;
    std::size_t end = at_;
    while (true) {
      std::size_t breaks = 0;
      skip_spaces();
      while (peek() == '\n') {
        ++breaks;
        line_ = ++at_;
        skip_spaces();
      }
      if (peek() == '#' || at_end() || column() <= parent) break;
      const std::size_t next = at_;
      if (!rest_of_plain_line(false)) return false;
      if (breaks == 1) value += ' ';
      value.append(breaks - 1, '\n');
      value += text_.substr(next, at_ - next);
      end = at_;
    }
    at_ = end;
    scalar(begin, true, value);
    return end_line();
  }

  bool block_scalar(std::size_t parent) {
    const std::size_t begin = at_;
    const bool folded = text_[at_++] == '>';
    const bool stripped = peek() == '-';
    if (stripped) ++at_;
    if (!at_line_end()) return false;
    ++at_;
    // The first line tells the indentation.
    const std::size_t indent = spaces_at(at_);
    if (indent <= parent || char_at(at_ + indent) == '\n') return false;
    std::string value;
    std::size_t empty = 0;  // lines before this one
    bool deeper = false;    // the line before them was
    while (!at_end()) {
      const std::size_t spaces = spaces_at(at_);
      if (char_at(at_ + spaces) == '\n') {
        if (spaces > indent) return false;
        at_ += spaces + 1;
        ++empty;
        continue;
      }
      if (spaces < indent) break;
      const bool kept = !folded || deeper || spaces > indent;
      if (!value.empty()) {
        if (!kept && empty == 0) value += ' ';
        value.append(empty + (kept ? 1 : 0), '\n');
      }
      at_ += indent;
      const std::size_t from = at_;
      skip_to_line_end();
      value += text_.substr(from, at_ - from);
      ++at_;
      deeper = spaces > indent;
      empty = 0;
    }
    if (!stripped) value += '\n';
    scalar(begin, false, value);
    find_content();
    return true;
  }
  std::size_t spaces_at(std::size_t at) const {
    return std::min(text_.find_first_not_of(' ', at), text_.size()) - at;
  }

  std::string_view text_;
  YAML::EventHandler& events_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;  // where the line at_ is in begins
};

}  // namespace

bool read_simple_document(std::string_view text, YAML::EventHandler& events) {
  // Markers end a document in the midst of anything.
  const bool marked = text.find("\n---") != std::string_view::npos ||
                      text.find("\n...") != std::string_view::npos;
  if (marked || !text.ends_with('\n') ||
      text.find_first_of("\t\r") != std::string_view::npos) {
    return false;
  }
  return Reader(text, events).document();
}

}  // namespace bailiff::yaml
