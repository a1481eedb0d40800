// SPDX-License-Identifier: Apache-2.0
// rules/syntax/lexer.h
// The tokens of a condition.  Which tokens there are depends on the place
// ('a.b<c' is a field, an operator and a value, but '<c' may be part of a bare
// string), so the parser asks for the one it wants.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bailiff::syntax {

// Bytes [begin, end) of the condition.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// What unquoting a quoted string came to.
struct Unquoted {
  std::string text;
  std::string error;  // empty: well formed
  Range place;        // of the string, or of the mistake
};

// Characters a bare string may hold: all but blanks and ()"'=, of the grammar.
bool is_bare_char(char c);

// The first `size` bytes of the text, fewer where a character would be cut.
std::string_view cut(std::string_view text, std::size_t size);

// Unquotes a whole string such as "\"5.255.97.172\"", quotes included, as the
// grammar's Quoted.  nullopt: it is none.
std::optional<std::string> unquote(std::string_view text);

// Every try_ function takes the token at the cursor and steps behind it, or
// leaves the cursor where it is.
class Lexer {
 public:
  // `at`: where it begins, not past the end.
  explicit Lexer(std::string_view text, std::size_t at = 0)
      : text_(text), at_(at) {}

  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  std::string_view text(Range range) const {
    return text_.substr(range.begin, range.end - range.begin);
  }
  // From the cursor on.
  std::string_view rest() const { return text_.substr(at_); }
  // The characters at the cursor up to the next blank, for messages.
  Range here() const;

  // Skips blanks (space, tab, \b, CR, LF); whether there were any.
  bool skip_blanks();
  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  // Whether a quoted or a bare string begins at the cursor.
  bool next_is_value() const;

  // Whether 'and', 'or' or 'not' is at the cursor, as Falco looks for what may
  // follow 'oneof': 'and_x' counts, 'andx' does not.
  bool next_is_keyword() const;

  bool try_symbol(std::string_view symbol);
  // A keyword with a blank, '(' or the end behind it, which stays.
  bool try_keyword(std::string_view word);
  // A word with blanks behind it, which are skipped.
  bool try_word(std::string_view word);
  std::optional<Range> try_field();       // a.b, without its argument
  std::optional<Range> try_identifier();  // [a-zA-Z][a-zA-Z0-9_]*
  std::optional<Range> try_number();      // decimal or hexadecimal
  std::optional<Range> try_bare();
  std::optional<Range> try_bare_argument();  // of a field, between [ and ]
  // Only when a quote is at the cursor; on an error the cursor stays.
  std::optional<Unquoted> try_quoted();

 private:
  std::size_t identifier_end(std::size_t from) const;
  std::size_t digits_end(std::size_t from) const;
  Range take(std::size_t end);

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace bailiff::syntax
