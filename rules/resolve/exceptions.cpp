// SPDX-License-Identifier: Apache-2.0
#include "rules/resolve/exceptions.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "rules/fields/field.h"
#include "rules/resolve/definitions.h"
#include "rules/resolve/lists.h"
#include "rules/syntax/lexer.h"
#include "rules/syntax/parser.h"

namespace bailiff {
namespace {

// The operators of the grammar, by what they take.
constexpr std::string_view kListOperators[] = {"in", "intersects", "pmatch"};
constexpr std::string_view kTextOperators[] = {
    "==",         "=",           "!=",        "glob",
    "iglob",      "contains",    "icontains", "bcontains",
    "startswith", "bstartswith", "endswith",  "regex",
};
constexpr std::string_view kOtherOperators[] = {"exists", "<", "<=", ">", ">="};
constexpr std::string_view kModifiers[] = {"oneof", "anyof", "allof"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(words, words + N, word) != words + N;
}

// "startswith oneof"
bool is_modified(std::string_view comp) {
  const std::size_t blank = comp.find(' ');
  return blank != std::string_view::npos &&
         is_one_of(comp.substr(0, blank), kTextOperators) &&
         is_one_of(comp.substr(blank + 1), kModifiers);
}
bool takes_list(std::string_view comp) {
  return is_one_of(comp, kListOperators) || is_modified(comp);
}
bool is_operator(std::string_view comp) {
  return takes_list(comp) || is_one_of(comp, kTextOperators) ||
         is_one_of(comp, kOtherOperators);
}

// Whether each name of a field in a transformer's call is known.
bool knows_fields(std::string_view text) {
  while (!text.empty()) {
    syntax::Lexer lexer(text);
    if (const auto name = lexer.try_field()) {
      if (!find_field(lexer.text(*name))) return false;
    } else if (!lexer.try_identifier() && !lexer.try_quoted()) {
      text.remove_prefix(1);
      continue;
    }
    if (lexer.at() == 0) return false;  // a quoted string that does not end
    text.remove_prefix(lexer.at());
  }
  return true;
}

// Whether the text can stand on the left of an operator.
bool is_field(const std::string& text) {
  if (text.find('(') != std::string::npos) {
    Diagnostics unused;
    const LocatedText condition(text + " exists", {});
    return syntax::parse_condition(condition, {}, unused) && knows_fields(text);
  }
  syntax::Lexer lexer(text);
  const auto name = lexer.try_field();
  if (!name || !find_field(lexer.text(*name))) return false;
  return lexer.at_end() || (lexer.next_is('[') && text.ends_with(']'));
}

void trim(std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.erase(text.find_last_not_of(kBlanks) + 1);
  text.erase(0, std::min(text.find_first_not_of(kBlanks), text.size()));
}

ExceptionEntry scalar(std::string_view text, Span span) {
  ExceptionEntry entry;
  entry.text = text;
  entry.span = span;
  return entry;
}

// Reports mistakes of one exception.
class Reporter {
 public:
  Reporter(const RuleException& exception, Diagnostics& diagnostics)
      : exception_(exception), diagnostics_(diagnostics) {}

  void refuse(Span span, std::string message) {
    good_ = false;
    report_invalid(diagnostics_, span, std::move(message), "exception",
                   exception_.name.text);
  }
  bool good() const { return good_; }

 private:
  const RuleException& exception_;
  Diagnostics& diagnostics_;
  bool good_ = true;
};

void complete_list(RuleException& exception, Reporter& reporter) {
  const std::vector<ExceptionEntry>& fields = exception.fields.entries;
  ExceptionEntry& comps = exception.comps;
  if (!comps.given()) {
    comps.is_list = true;
    for (const ExceptionEntry& field : fields) {
      comps.entries.push_back(scalar("=", field.span));
    }
  }
  if (fields.size() != comps.entries.size()) {
    reporter.refuse(comps.span, "'fields' and 'comps' are of different length");
  }
  for (ExceptionEntry& comp : comps.entries) {
    trim(comp.text);
    if (!is_operator(comp.text)) {
      reporter.refuse(
          comp.span,
          "'" + comp.text + "' is not a supported comparison operator");
    }
  }
}

void complete_scalar(RuleException& exception, Reporter& reporter) {
  ExceptionEntry& comps = exception.comps;
  if (!comps.given()) comps = scalar("in", exception.fields.span);
  if (comps.is_list) {
    reporter.refuse(comps.span,
                    "'comps' is a sequence, and 'fields' a single field");
    return;
  }
  trim(comps.text);
  if (!takes_list(comps.text)) {
    reporter.refuse(comps.span,
                    "'" + comps.text +
                        "' cannot compare a single field: 'comps' must be in, "
                        "pmatch, intersects, or one such as startswith oneof");
  }
}

// Builds the condition.
class Writer {
 public:
  explicit Writer(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  std::optional<LocatedText> write(const RawRule& rule) {
    const Span whole = rule.condition.span();
    put("(",
        {.source = whole.source, .begin = whole.begin, .end = whole.begin});
    text_.append(rule.condition, "");
    put(")", {.source = whole.source, .begin = whole.end, .end = whole.end});
    for (const RuleException& exception : rule.exceptions) {
      if (exception.values.empty()) continue;
      Reporter reporter(exception, diagnostics_);
      place_ = exception.name.span;
      put(" and not (");
      if (exception.fields.is_list) {
        tuples(exception, reporter);
      } else {
        values(exception, reporter);
      }
      put(")");
      good_ = good_ && reporter.good();
    }
    if (!good_) return std::nullopt;
    return std::move(text_);
  }

 private:
  void put(std::string_view bytes) { put(bytes, place_); }
  void put(std::string_view bytes, Span place) {
    text_.append(LocatedText(std::string(bytes), place), "");
  }

  void put_quoted(const ExceptionEntry& value) {
    put(pasted_item(value.text), value.span);
  }

  // FIELD OP (VALUE, VALUE)
  void values(const RuleException& exception, Reporter& reporter) {
    put(exception.fields.text, exception.fields.span);
    put(" ");
    put(exception.comps.text, exception.comps.span);
    put(" (");
    bool first = true;
    for (const ExceptionEntry& value : exception.values) {
      if (value.is_list) {
        reporter.refuse(value.span,
                        "a value is a sequence, and 'fields' a single field");
        continue;
      }
      if (!std::exchange(first, false)) put(", ");
      put_quoted(value);
    }
    put(")");
  }

  // (FIELD OP VALUE and FIELD OP VALUE) or (…)
  void tuples(const RuleException& exception, Reporter& reporter) {
    const std::vector<ExceptionEntry>& fields = exception.fields.entries;
    bool first = true;
    for (const ExceptionEntry& value : exception.values) {
      if (value.entries.size() != fields.size()) {
        reporter.refuse(value.span,
                        "a value must be a sequence as long as 'fields'");
        continue;
      }
      put(std::exchange(first, false) ? "(" : " or (");
      for (std::size_t i = 0; i < fields.size(); ++i) {
        put(i == 0 ? " " : " and  ");
        put(fields[i].text, fields[i].span);
        put(" ");
        put(exception.comps.entries[i].text, exception.comps.entries[i].span);
        put(" ");
        operand(value.entries[i], exception.comps.entries[i].text);
      }
      put(")");
    }
  }

  void operand(const ExceptionEntry& value, std::string_view comp) {
    if (value.is_list) {
      put("(", value.span);
      bool first = true;
      for (const ExceptionEntry& entry : value.entries) {
        if (!std::exchange(first, false)) put(", ", value.span);
        put_quoted(entry);
      }
      put(")", value.span);
    } else if (takes_list(comp)) {
      const bool parenthesised = value.text.starts_with('(');
      put(parenthesised ? value.text : "(" + value.text + ")", value.span);
    } else {
      put_quoted(value);
    }
  }

  Diagnostics& diagnostics_;
  LocatedText text_;
  Span place_;  // of what has none of its own
  bool good_ = true;
};

}  // namespace

bool complete_exception(RuleException& exception, bool check_fields,
                        Diagnostics& diagnostics) {
  Reporter reporter(exception, diagnostics);
  const auto check = [&](const ExceptionEntry& field) {
    if (!check_fields || is_field(field.text)) return;
    reporter.refuse(field.span,
                    "'" + field.text + "' is not a supported filter field");
  };
  if (exception.fields.is_list) {
    complete_list(exception, reporter);
    for (const ExceptionEntry& field : exception.fields.entries) check(field);
  } else {
    complete_scalar(exception, reporter);
    check(exception.fields);
  }
  return reporter.good();
}

std::optional<LocatedText> with_exceptions(const RawRule& rule,
                                           Diagnostics& diagnostics) {
  if (rule.exceptions.empty()) return rule.condition;
  return Writer(diagnostics).write(rule);
}

}  // namespace bailiff
