// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/lexer.h"

#include <algorithm>

namespace bailiff::syntax {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\b' || c == '\r' || c == '\n';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether the byte continues a character in UTF-8.
bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// The value of a hexadecimal digit, or -1.
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What `\c` stands for in a string quoted by `quote`; '\0': nothing.
char simple_escape(char c, char quote) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '\\':
    case '/':
      return c;
    case ' ':
      return '\\';  // as Falco has always read it
    default:
      return c == quote ? c : '\0';
  }
}

}  // namespace

bool is_bare_char(char c) {
  return !is_blank(c) && c != '\f' && c != '\v' &&
         std::string_view("()\"'=,").find(c) == std::string_view::npos;
}

std::string_view cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && is_continuation(text[size])) --size;
  return text.substr(0, size);
}

std::optional<std::string> unquote(std::string_view text) {
  Lexer lexer(text);
  std::optional<Unquoted> unquoted = lexer.try_quoted();
  if (!unquoted || !unquoted->error.empty() || !lexer.at_end()) {
    return std::nullopt;
  }
  return std::move(unquoted->text);
}

Range Lexer::here() const {
  std::size_t end = at_;
  while (end < text_.size() && !is_blank(text_[end])) ++end;
  return {.begin = at_, .end = end};
}

bool Lexer::skip_blanks() {
  const std::size_t before = at_;
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  return at_ != before;
}

bool Lexer::next_is_value() const {
  return next_is('"') || next_is('\'') ||
         (!at_end() && is_bare_char(text_[at_]));
}

bool Lexer::next_is_keyword() const {
  for (const std::string_view word : {"and", "or", "not"}) {
    if (!rest().starts_with(word)) continue;
    const std::size_t end = at_ + word.size();
    return end == text_.size() ||
           (!is_letter(text_[end]) && !is_digit(text_[end]));
  }
  return false;
}

Range Lexer::take(std::size_t end) {
  const Range range = {.begin = at_, .end = end};
  at_ = end;
  return range;
}

bool Lexer::try_symbol(std::string_view symbol) {
  if (!rest().starts_with(symbol)) return false;
  at_ += symbol.size();
  return true;
}

bool Lexer::try_keyword(std::string_view word) {
  if (!rest().starts_with(word)) return false;
  const std::size_t end = at_ + word.size();
  if (end < text_.size() && !is_blank(text_[end]) && text_[end] != '(') {
    return false;
  }
  at_ = end;
  return true;
}

bool Lexer::try_word(std::string_view word) {
  const std::size_t before = at_;
  if (try_symbol(word) && skip_blanks()) return true;
  at_ = before;
  return false;
}

// The end of the identifier at `from`, or `from` when there is none.
std::size_t Lexer::identifier_end(std::size_t from) const {
  if (from >= text_.size() || !is_letter(text_[from])) return from;
  std::size_t end = from;
  while (end < text_.size() &&
         (is_letter(text_[end]) || is_digit(text_[end]) || text_[end] == '_')) {
    ++end;
  }
  return end;
}

std::optional<Range> Lexer::try_field() {
  std::size_t end = identifier_end(at_);
  if (end == at_) return std::nullopt;
  std::size_t parts = 1;
  while (end < text_.size() && text_[end] == '.') {
    const std::size_t next = identifier_end(end + 1);
    if (next == end + 1) break;
    end = next;
    ++parts;
  }
  if (parts < 2) return std::nullopt;
  return take(end);
}

std::optional<Range> Lexer::try_identifier() {
  const std::size_t end = identifier_end(at_);
  if (end == at_) return std::nullopt;
  return take(end);
}

std::size_t Lexer::digits_end(std::size_t from) const {
  while (from < text_.size() && is_digit(text_[from])) ++from;
  return from;
}

std::optional<Range> Lexer::try_number() {
  const std::string_view rest = this->rest();
  if (rest.starts_with("0x") || rest.starts_with("0X")) {
    std::size_t end = at_ + 2;
    while (end < text_.size() && hex_value(text_[end]) >= 0) ++end;
    if (end > at_ + 2) return take(end);
  }
  const bool sign = rest.starts_with('+') || rest.starts_with('-');
  const std::size_t begin = at_ + (sign ? 1 : 0);
  std::size_t end = digits_end(begin);
  if (end == begin) return std::nullopt;
  if (end < text_.size() && text_[end] == '.') end = digits_end(end + 1);
  const bool exponent = end + 1 < text_.size() &&
                        (text_[end] == 'e' || text_[end] == 'E') &&
                        (text_[end + 1] == '+' || text_[end + 1] == '-');
  if (exponent && digits_end(end + 2) > end + 2) end = digits_end(end + 2);
  return take(end);
}

std::optional<Range> Lexer::try_bare() {
  std::size_t end = at_;
  while (end < text_.size() && is_bare_char(text_[end])) ++end;
  if (end == at_) return std::nullopt;
  return take(end);
}

std::optional<Range> Lexer::try_bare_argument() {
  constexpr std::string_view kExcluded = " \t\n\v\f\r[]\"'";
  const std::size_t end =
      std::min(text_.find_first_of(kExcluded, at_), text_.size());
  if (end == at_) return std::nullopt;
  return take(end);
}

std::optional<Unquoted> Lexer::try_quoted() {
  if (!next_is('"') && !next_is('\'')) return std::nullopt;
  const char quote = text_[at_];
  Unquoted result;
  const auto mistake = [&](std::string error, Range place) {
    result.error = std::move(error);
    result.place = place;
    return result;
  };
  // As in Falco the string ends at the first quote without a backslash right
  // before it, were that backslash itself escaped.
  std::size_t close = at_ + 1;
  while (close < text_.size() &&
         (text_[close] != quote || (text_[close - 1] == '\\'))) {
    ++close;
  }
  if (close == text_.size()) {
    return mistake("quoted string without its closing quote",
                   {.begin = at_, .end = text_.size()});
  }
  for (std::size_t i = at_ + 1; i < close; ++i) {
    if (text_[i] != '\\') {
      result.text += text_[i];
      continue;
    }
    const char kind = text_[i + 1];
    const char simple = simple_escape(kind, quote);
    if (simple != '\0') {
      result.text += simple;
      ++i;
      continue;
    }
    const int high = i + 2 < close ? hex_value(text_[i + 2]) : -1;
    const int low = i + 3 < close ? hex_value(text_[i + 3]) : -1;
    if (kind == 'x' && (high < 0 || low < 0)) {
      return mistake("escape '\\x' without its two hexadecimal digits",
                     {.begin = i, .end = std::min(i + 4, close)});
    }
    if (kind != 'x') {
      std::size_t end = i + 2;
      while (end < close && is_continuation(text_[end])) ++end;
      const std::string escape(text_.substr(i, end - i));
      return mistake("unknown escape '" + escape + "' in a quoted string",
                     {.begin = i, .end = end});
    }
    result.text += static_cast<char>(high * 16 + low);
    i += 3;
  }
  result.place = take(close + 1);
  return result;
}

}  // namespace bailiff::syntax
