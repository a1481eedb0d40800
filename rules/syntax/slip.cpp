// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/slip.h"

#include <algorithm>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/syntax/lexer.h"

namespace bailiff::syntax {
namespace {

constexpr char kQuoting[] =
    "a value with blanks or any of ( ) = , needs quotes";
constexpr char kNoComments[] = "there are no comments in conditions";
constexpr char kNoBlankBeforeBracket[] = "no blank may stand before '['";

// What other languages call what Falco calls otherwise.
struct Foreign {
  std::string_view word;
  std::string_view hint;
};
constexpr Foreign kForeignOperators[] = {
    {"<>", "write '!='"},
    {"!~", "write 'not' before the field and 'regex' behind it"},
    {"~", "write 'regex'"},
    {"!", "write '!='"},
    {"not", "'not' goes before the field"},
    {"is", "write '='"},
    {"eq", "write '='"},
    {"equal", "write '='"},
    {"equals", "write '='"},
    {"ne", "write '!='"},
    {"lt", "write '<'"},
    {"le", "write '<='"},
    {"gt", "write '>'"},
    {"ge", "write '>='"},
    {"like", "write 'glob'"},
    {"match", "write 'regex', or 'glob' for * and ?"},
    {"matches", "write 'regex', or 'glob' for * and ?"},
    {"has", "write 'contains'"},
    {"includes", "write 'contains'"},
    {"begins", "write 'startswith'"},
    {"starts", "write 'startswith'"},
    {"ends", "write 'endswith'"},
};

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}
bool is_symbol_char(char c) {
  return std::string_view("<>=!~&|").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// The word, or else the run of operator symbols, that `text` begins with.
std::string_view first_word(std::string_view text) {
  const auto* end = std::find_if_not(text.begin(), text.end(), is_word_char);
  if (end == text.begin()) {
    end = std::find_if_not(text.begin(), text.end(), is_symbol_char);
  }
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string did_you_mean(std::string_view word) {
  return word.empty() ? std::string() : "did you mean " + quoted(word) + "?";
}

template <typename Enumerator, std::size_t size>
std::vector<std::string_view> names(const Enumerator (&all)[size]) {
  std::vector<std::string_view> result;
  for (const Enumerator one : all) result.push_back(to_string(one));
  return result;
}

// The name of one of `all` that `word` is or resembles, whatever its case.
template <typename Enumerator, std::size_t size>
std::string_view nearest_of(std::string_view word,
                            const Enumerator (&all)[size]) {
  return nearest(lower(word), names(all));
}

bool is_transform(std::string_view word) {
  const std::vector<std::string_view> all = names(kTransforms);
  return std::find(all.begin(), all.end(), word) != all.end();
}
bool is_quantifier(std::string_view word) {
  const std::vector<std::string_view> all = names(kQuantifiers);
  return std::find(all.begin(), all.end(), word) != all.end();
}
bool is_keyword(std::string_view word) {
  return word == "and" || word == "or" || word == "not";
}

// 'and' and 'or' spelled otherwise, or without a blank behind them.
std::string junction_slip(std::string_view rest) {
  const std::string_view word = first_word(rest);
  const std::string lowered = lower(word);
  if (word.starts_with("&&")) return "write 'and'";
  if (word.starts_with("||")) return "write 'or'";
  if (word != lowered && is_keyword(lowered)) {
    return "keywords are in lower case: write " + quoted(lowered);
  }
  if (word == "not") return "write 'and not' or 'or not'";
  for (const std::string_view keyword : {"and", "or"}) {
    if (word.starts_with(keyword)) {
      return quoted(keyword) + " wants a blank or '(' behind it";
    }
  }
  return {};
}

bool begins_with_operator(std::string_view rest) {
  const std::string_view word = first_word(rest);
  if (word.empty()) return false;
  if (is_symbol_char(word[0])) return word[0] != '&' && word[0] != '|';
  for (const Operator op : kOperators) {
    if (word == to_string(op)) return true;
  }
  return false;
}

// A name was read as something else than that of a call, and a '(' follows.
std::string call_slip(const Seen& seen) {
  if (is_transform(seen.text)) {
    return "no blank may stand between " + quoted(seen.text) + " and its '('";
  }
  return did_you_mean(nearest_of(seen.text, kTransforms));
}

// The same where a quantifier may stand.
std::string quantifier_slip(const Seen& seen) {
  if (is_quantifier(seen.text)) {
    return quoted(seen.text) + " wants a blank before and behind it";
  }
  const std::string_view near = nearest_of(seen.text, kQuantifiers);
  return near.empty() ? call_slip(seen) : did_you_mean(near);
}

std::string behind_macro(const Seen& seen, std::string_view rest) {
  const std::string lowered = lower(seen.text);
  if (is_keyword(seen.text)) {
    return quoted(seen.text) +
           " stands where a macro does, and is read as the name of one";
  }
  if (is_keyword(lowered)) {
    return "keywords are in lower case: write " + quoted(lowered);
  }
  if (rest.starts_with('(')) return call_slip(seen);
  if (begins_with_operator(rest)) {
    return quoted(seen.text) + " has no dot, and so is a macro and no field";
  }
  return {};
}

std::string behind_bare_value(const Seen& seen, std::string_view rest) {
  if (seen.text == "~") return "for a regular expression write 'regex'";
  if (seen.text == "<" || seen.text == ">") {
    return "write '" + std::string(seen.text) + "='";
  }
  if (begins_with_typographic_quote(seen.text)) {
    return "typographic quotes do not quote: write \" or '";
  }
  if (rest.starts_with('(')) {
    std::string slip = quantifier_slip(seen);
    if (!slip.empty()) return slip;
  }
  if (!seen.adjacent && Lexer(rest).try_field()) {
    return "'and' or 'or' is missing, or the value needs quotes";
  }
  return kQuoting;
}

std::string behind_list_name(const Seen& seen, std::string_view rest) {
  if (rest.starts_with('(') && is_quantifier(seen.text)) {
    return quoted(seen.text) +
           " goes with operators that compare with one value";
  }
  if (rest.starts_with('(')) {
    std::string slip = call_slip(seen);
    if (!slip.empty()) return slip;
  }
  const bool list = rest.starts_with(',') || seen.adjacent;
  return list ? "values stand in parentheses" : std::string();
}

}  // namespace

bool begins_with_typographic_quote(std::string_view text) {
  for (const std::string_view quote : {"“", "”", "„", "‘", "’"}) {
    if (text.starts_with(quote)) return true;
  }
  return false;
}

std::string check_slip(std::string_view rest) {
  const std::string_view word = first_word(rest);
  if (word == "!") return "write 'not'";
  if (word == "and" || word == "or" || word == "&&" || word == "||") {
    return "one side of " + quoted(word) + " is missing";
  }
  if (rest.starts_with('#')) return kNoComments;
  if (rest.starts_with('"') || rest.starts_with('\'') ||
      begins_with_typographic_quote(rest) || Lexer(rest).try_number()) {
    return "the field stands on the left of the operator";
  }
  return {};
}

std::string operator_slip(std::string_view rest) {
  const std::string_view word = first_word(rest);
  const std::string lowered = lower(word);
  if (rest.empty() || rest.starts_with(')') || word == "&&" || word == "||" ||
      lowered == "and" || lowered == "or") {
    return "a field alone is no condition: compare it, or write 'exists'";
  }
  if (rest.starts_with('[')) return kNoBlankBeforeBracket;
  for (const Foreign& foreign : kForeignOperators) {
    if (lowered == foreign.word) return std::string(foreign.hint);
  }
  if (word.empty() || !is_word_char(word[0])) return {};
  const std::string_view near = nearest_of(word, kOperators);
  if (!near.empty() && near != word) return did_you_mean(near);
  for (const Operator op : kOperators) {
    if (word.starts_with(to_string(op))) {
      return quoted(to_string(op)) + " wants a blank behind it";
    }
  }
  return {};
}

std::string operand_slip(Operator op, std::string_view rest) {
  if (rest.starts_with('=')) {
    return "did you mean " +
           quoted(op == Operator::kLt   ? "<="
                  : op == Operator::kGt ? ">="
                                        : to_string(op)) +
           "?";
  }
  const std::string_view word = first_word(rest);
  switch (operand_kind(op)) {
    case OperandKind::kNone:
      return {};
    case OperandKind::kNumber:
      if (rest.starts_with('"') || rest.starts_with('\'')) {
        return "numbers go without quotes";
      }
      if (is_quantifier(word)) {
        return quoted(word) + " does not go with " + quoted(to_string(op));
      }
      if (Lexer lexer(rest); const auto field = lexer.try_field()) {
        return "to compare with another field write 'val(" +
               std::string(lexer.text(*field)) + ")'";
      }
      return {};
    case OperandKind::kText:
      if (rest.starts_with('(')) {
        return "for one of several values write 'in (…)'; " +
               std::string(kQuoting);
      }
      return rest.empty() ? "the empty text is \"\"" : kQuoting;
    case OperandKind::kList:
      return rest.empty() ? std::string() : "values stand in parentheses";
  }
  return {};
}

std::string item_slip(bool first, std::string_view rest) {
  if (rest.starts_with(',') || (!first && rest.starts_with(')'))) {
    return "a value follows each ','";
  }
  if (rest.starts_with('(')) return "lists do not hold lists";
  return rest.empty() ? std::string() : kQuoting;
}

std::string quoted_slip(std::string_view mistake) {
  if (mistake.starts_with("\\x")) return "two digits follow, as in \\x2e";
  if (mistake.starts_with("\\\"") || mistake.starts_with("\\'")) {
    return "only the quote that ends the text needs a backslash";
  }
  if (mistake.starts_with('\\')) return "a backslash itself is written \\\\";
  const std::string escaped = "\\" + std::string(mistake.substr(0, 1));
  return mistake.find(escaped) == std::string_view::npos
             ? std::string()
             : "a quote with a backslash before it does not end the text";
}

std::string argument_slip(std::string_view rest) {
  if (rest.starts_with("val(")) {
    return "'val' stands only on the right of an operator: leave it out";
  }
  if (rest.starts_with(',') || rest.starts_with(')')) {
    return "an argument follows a '(', and each ','";
  }
  if (rest.starts_with('(')) return "lists do not hold lists";
  const std::string_view word = first_word(rest);
  if (word.empty() || !is_word_char(word[0])) return {};
  if (rest.substr(word.size()).starts_with('(')) return transform_slip(word);
  return "a field has a dot in its name, and a text needs quotes";
}

std::string transform_slip(std::string_view name) {
  if (name == "val") return "'val' stands only on the right of an operator";
  const std::string_view near = nearest_of(name, kTransforms);
  if (!near.empty()) return did_you_mean(near);
  std::string known;
  for (const std::string_view transform : names(kTransforms)) {
    known += (known.empty() ? "" : ", ") + std::string(transform);
  }
  return "there are " + known;
}

std::string continuation_slip(const Seen& seen, std::string_view rest) {
  if (rest.starts_with('#')) return kNoComments;
  if (seen.last == Seen::Last::kTightOr && first_word(rest) == "and") {
    return "write a blank behind 'or': 'or(' ends at its ')'";
  }
  std::string slip = junction_slip(rest);
  if (!slip.empty() && seen.last != Seen::Last::kMacro) return slip;
  switch (seen.last) {
    case Seen::Last::kMacro: {
      std::string macro_slip = behind_macro(seen, rest);
      return macro_slip.empty() ? slip : macro_slip;
    }
    case Seen::Last::kExists:
      return "'exists' takes no value";
    case Seen::Last::kBareValue:
      return behind_bare_value(seen, rest);
    case Seen::Last::kQuotedValue:
      if (!seen.adjacent) return {};
      return "inside a quoted text its quote is written \\" +
             std::string(seen.text.substr(0, 1));
    case Seen::Last::kListName:
      return behind_list_name(seen, rest);
    case Seen::Last::kTightListName:
      return quoted(seen.text) +
             " is read as an operator and the name of a list";
    case Seen::Last::kOther:
    case Seen::Last::kTightOr:
      return {};
  }
  return {};
}

std::string comma_slip(std::string_view rest) {
  const std::string_view word = first_word(rest);
  if (rest.empty()) return {};
  if (word == "and" || word == "or" || begins_with_operator(rest)) {
    return "')' is missing before " + quoted(word);
  }
  if (rest.starts_with('(')) return "lists hold neither calls nor lists";
  if (rest.starts_with('[')) return kNoBlankBeforeBracket;
  return "a ',' separates each from the next";
}

}  // namespace bailiff::syntax
