// SPDX-License-Identifier: Apache-2.0
#include "rules/document/simple_sequence.h"

#include <algorithm>
#include <optional>
#include <string>

namespace bailiff::yaml {
namespace {

constexpr std::string_view kKey = "items:";

// An element as the scanner found it.
struct Element {
  std::string_view raw;     // without quotes
  std::uint32_t begin = 0;  // of `raw`
  char quote = '\0';
};

// Takes no element but counts them.
struct Counter {
  std::uint32_t count = 0;
  void operator()(const Element& /*element*/) { ++count; }
};

// Unquotes the elements.
struct Reader {
  PlacedTexts& texts;
  std::uint32_t source;
  std::string unquoted = {};

  void operator()(const Element& element) {
    const auto size = static_cast<std::uint32_t>(element.raw.size());
    Span span = {.source = source,
                 .begin = element.begin,
                 .end = element.begin + std::max(size, 1U)};
    const char escape = element.quote == '"' ? '\\' : element.quote;
    if (escape == '\0' || element.raw.find(escape) == std::string_view::npos) {
      if (element.raw.empty()) --span.begin, --span.end;  // at its quote
      texts.push_back(element.raw, span);
      return;
    }
    unquoted.clear();
    std::size_t last = 0;
    for (std::size_t i = 0; i < element.raw.size(); ++i) {
      last = i;
      if (element.raw[i] == escape) ++i;
      unquoted += element.raw[i];
    }
    // An escape's character is placed at the escape's first byte.
    span.end = element.begin + static_cast<std::uint32_t>(last) + 1;
    texts.push_back(unquoted, span);
  }
};

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

// Characters a plain element may begin with: none that YAML has a use for.
bool may_begin(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') ||
         std::string_view("_./+()$^=;<\\").find(c) != std::string_view::npos;
}

// What YAML reads as nothing.
bool is_null(std::string_view text) {
  return text == "null" || text == "Null" || text == "NULL";
}

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  std::size_t at() const { return at_; }

  // The cursor is behind the key, which stands in column `column`.  False when
  // the sequence there is not simple; the cursor is then where that was seen.
  template <typename Sink>
  bool scan(std::size_t column, SimpleSequence& found, Sink& sink) {
    found.begin = offset(at_);
    skip_spaces();
    if (next_is('[') && at_ > found.begin) return brackets(found, sink);
    at_ = found.begin;
    return ends_line() && block(column, found, sink);
  }

 private:
  static std::uint32_t offset(std::size_t at) {
    return static_cast<std::uint32_t>(at);
  }
  bool at_end() const { return at_ == text_.size(); }
  bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  bool at_break() const {
    return next_is('\n') || text_.substr(at_).starts_with("\r\n");
  }
  void skip_spaces() {
    while (next_is(' ')) ++at_;
  }

  // Takes what may stand behind a node, up to and with the line end.
  bool ends_line() {
    const std::size_t before = at_;
    skip_spaces();
    if (next_is('#') && at_ > before) skip_comment();
    if (at_end()) return true;
    if (!at_break()) return false;
    at_ += next_is('\r') ? 2 : 1;
    return true;
  }
  void skip_comment() {
    at_ = std::min(text_.find('\n', at_), text_.size());
    if (at_ > 0 && text_[at_ - 1] == '\r') --at_;
  }

  template <typename Sink>
  bool block(std::size_t column, SimpleSequence& found, Sink& sink) {
    found.block = true;
    std::size_t indent = std::string_view::npos;
    while (!at_end()) {
      const std::size_t line = at_;
      skip_spaces();
      if (at_end()) break;
      if (at_break() || next_is('#')) {
        skip_comment();
        if (!ends_line()) return false;
        continue;
      }
      const std::size_t here = at_ - line;
      const bool entry = text_.substr(at_).starts_with("- ");
      if (indent == std::string_view::npos) {
        if (!entry || here < column) return false;
        indent = here;
        found.first = offset(at_);
      }
      if (here > indent) return false;  // goes on with the element before
      if (here < indent || !entry) {
        at_ = line;
        // "-" alone is an element too.
        return here != indent || text_[line + here] != '-';
      }
      ++at_;
      skip_spaces();
      if (!element<false>(sink)) return false;
      found.end = offset(at_);
      if (!ends_line()) return false;
    }
    return indent != std::string_view::npos;
  }

  template <typename Sink>
  bool brackets(SimpleSequence& found, Sink& sink) {
    found.first = offset(at_++);
    while (true) {
      if (!skip_white_space()) return false;
      if (next_is(']')) break;  // perhaps behind a comma
      if (!element<true>(sink)) return false;
      if (!skip_white_space()) return false;
      if (next_is(',')) {
        ++at_;
      } else if (!next_is(']')) {
        return false;
      }
    }
    found.end = offset(++at_);
    return ends_line();
  }

  // Between elements in brackets.  A line of them is indented: in the first
  // column a document could end.
  bool skip_white_space() {
    const std::size_t before = at_;
    skip_spaces();
    bool blank = at_ > before;
    while (!at_end() && (at_break() || (next_is('#') && blank))) {
      skip_comment();
      if (!ends_line()) return false;
      const std::size_t line = at_;
      skip_spaces();
      if (at_ == line && !at_end() && !at_break() && !next_is('#')) {
        return false;
      }
      blank = true;
    }
    return !at_end();
  }

  template <bool kInBrackets, typename Sink>
  bool element(Sink& sink) {
    if (at_end()) return false;
    if (text_[at_] == '"' || text_[at_] == '\'') return quoted(sink);
    if (!may_begin(text_[at_])) return false;
    const std::size_t begin = at_;
    std::size_t end = at_;  // past the last character that is no space
    for (; !at_end() && is_printable(text_[at_]); ++at_) {
      const char c = text_[at_];
      if (c == ' ') continue;
      if (c == '#' && text_[at_ - 1] == ' ') break;
      if (kInBrackets) {
        if (c == ',' || c == ']') break;
        if (c == '[' || c == '{' || c == '}' || c == '?') return false;
      }
      if (c == ':' && !colon_is_text<kInBrackets>()) return false;
      end = at_ + 1;
    }
    at_ = end;
    const Element found = {.raw = text_.substr(begin, end - begin),
                           .begin = offset(begin)};
    if (is_null(found.raw)) return false;
    sink(found);
    return true;
  }

  template <bool kInBrackets>
  bool colon_is_text() const {
    if (at_ + 1 == text_.size()) return false;
    const char next = text_[at_ + 1];
    if (next == ' ' || !is_printable(next)) return false;
    return !kInBrackets ||
           std::string_view(",[]{}").find(next) == std::string_view::npos;
  }

  template <typename Sink>
  bool quoted(Sink& sink) {
    const char quote = text_[at_++];
    const std::size_t begin = at_;
    for (; !at_end() && is_printable(text_[at_]); ++at_) {
      if (text_[at_] == quote) {
        const bool doubled =
            quote == '\'' && at_ + 1 < text_.size() && text_[at_ + 1] == quote;
        if (doubled) {
          ++at_;
          continue;
        }
        sink(Element{.raw = text_.substr(begin, at_ - begin),
                     .begin = offset(begin),
                     .quote = quote});
        ++at_;
        return true;
      }
      if (quote == '"' && text_[at_] == '\\') {
        ++at_;
        if (!next_is('"') && !next_is('\\')) return false;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_;
};

// The column of the text at `at` when nothing but spaces is before it.
std::optional<std::size_t> column_of(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && text[begin - 1] == ' ') --begin;
  if (begin > 0 && text[begin - 1] != '\n') return std::nullopt;
  return at - begin;
}

}  // namespace

std::vector<SimpleSequence> find_simple_sequences(std::string_view text,
                                                  std::size_t at_least) {
  std::vector<SimpleSequence> sequences;
  std::size_t at = text.find(kKey);
  while (at != std::string_view::npos) {
    const std::optional<std::size_t> column = column_of(text, at);
    at += kKey.size();
    // In the first column documents begin and end as well.
    if (column && *column > 0) {
      Scanner scanner(text, at);
      SimpleSequence found;
      Counter counter;
      if (scanner.scan(*column, found, counter) && counter.count >= at_least) {
        found.size = counter.count;
        sequences.push_back(found);
      }
      at = scanner.at();
    }
    at = text.find(kKey, at);
  }
  return sequences;
}

PlacedTexts read_simple_sequence(std::string_view text, std::uint32_t source,
                                 const SimpleSequence& sequence) {
  PlacedTexts texts;
  texts.reserve(sequence.size, sequence.end - sequence.first);
  Reader reader{.texts = texts, .source = source};
  Scanner scanner(text.substr(0, sequence.end), sequence.begin);
  SimpleSequence again;
  scanner.scan(0, again, reader);
  return texts;
}

}  // namespace bailiff::yaml
