// SPDX-License-Identifier: Apache-2.0
#include "rules/types/output_template.h"

#include <utility>

#include "rules/base/diagnostic.h"
#include "rules/syntax/parser.h"
#include "rules/types/check.h"

namespace bailiff {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_name_char(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '.';
}

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : text_(text) {
    located_.push_run(text, 0, 0);
  }

  ParsedOutput parse() && {
    if (text_.starts_with('*')) ++at_;
    while (at_ < text_.size()) {
      const std::size_t percent = text_.find('%', at_);
      literal(text_.substr(at_, percent - at_));
      if (percent == std::string_view::npos) break;
      at_ = percent + 1;
      token(percent);
    }
    return std::move(result_);
  }

 private:
  void literal(std::string_view piece) {
    if (piece.empty()) return;
    std::vector<OutputToken>& tokens = result_.output.tokens;
    if (tokens.empty() || tokens.back().term) tokens.emplace_back();
    tokens.back().literal += piece;
  }

  void refuse(std::size_t begin, std::size_t end, std::string message,
              std::string hint = {}) {
    result_.errors.push_back({.message = std::move(message),
                              .hint = std::move(hint),
                              .begin = begin,
                              .end = end});
  }

  // at_ is behind the '%' at `percent`.
  void token(std::size_t percent) {
    OutputToken token;
    while (at_ < text_.size() && is_digit(text_[at_])) {
      if (token.width <= kMaxOutputWidth) {
        token.width = token.width * 10 + (text_[at_] - '0');
      }
      ++at_;
    }
    if (token.width > kMaxOutputWidth) {
      refuse(percent, at_,
             "output field width above " + std::to_string(kMaxOutputWidth));
    }
    std::size_t end = at_;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    const std::string_view name = text_.substr(at_, end - at_);
    if (name.empty()) {
      refuse(percent, at_, "'%' without a field in output",
             "a literal '%' cannot be written in a Falco output");
      return;
    }
    const bool call = end < text_.size() && text_[end] == '(' &&
                      name.find('.') == std::string_view::npos;
    const bool good = call ? take_call(percent, name, token)
                           : take_field(percent, name, token);
    if (good) result_.output.tokens.push_back(std::move(token));
  }

  // The longest field the text at at_ begins with; `name` is all it could be.
  bool take_field(std::size_t percent, std::string_view name,
                  OutputToken& token) {
    const auto found = longest_reference(text_.substr(at_));
    if (!found) {
      const ResolvedField unknown = resolve_field(name);
      refuse(percent, at_ + name.size(), unknown.message + " in output",
             unknown.hint);
      at_ += name.size();
      return false;
    }
    token.fields.push_back(
        {.name = std::string(text_.substr(at_, found->length)),
         .field = found->reference});
    token.term = Term{found->reference};
    at_ += found->length;
    return usable(percent, token);
  }

  bool usable(std::size_t percent, const OutputToken& token) {
    for (const NamedField& named : token.fields) {
      if (field(named.field.field).usable_in_output()) continue;
      refuse(percent, at_,
             "field '" + named.name + "' is for conditions only, in output");
      return false;
    }
    return true;
  }

  bool take_call(std::size_t percent, std::string_view name,
                 OutputToken& token) {
    Diagnostics diagnostics;
    const auto found = syntax::parse_call(located_, at_, {}, diagnostics);
    at_ = found ? found->end : at_ + name.size();
    if (found) {
      const std::vector<ListDefinition> no_lists;
      Checker checker(no_lists, diagnostics);
      token.term = checker.check_call(found->call, {});
      name_fields(found->call, token);
    }
    for (const Diagnostic& diagnostic : diagnostics.all()) {
      if (diagnostic.severity != Severity::kError) continue;
      refuse(diagnostic.span.begin, diagnostic.span.end,
             diagnostic.message + ", in output", diagnostic.hint);
    }
    return token.term && usable(percent, token);
  }

  // The fields of a call as they are written, which is how they are told.
  static void name_fields(const syntax::Call& call, OutputToken& token) {
    for (const syntax::Term& argument : call.arguments) {
      name_fields(argument, token);
    }
  }
  static void name_fields(const syntax::Term& term, OutputToken& token) {
    if (const syntax::FieldName* name = term.field()) {
      add_named(*name, token);
    } else if (const syntax::Call* call = term.call()) {
      name_fields(*call, token);
    } else if (const auto* list = std::get_if<syntax::TermList>(&term.form)) {
      for (const syntax::Term& item : list->items) name_fields(item, token);
    }
  }
  static void add_named(const syntax::FieldName& name, OutputToken& token) {
    const ResolvedField found = resolve_field(
        name.name, name.has_argument
                       ? std::optional<std::string_view>(name.argument)
                       : std::nullopt);
    if (!found.reference) return;
    token.fields.push_back({.name = name.has_argument
                                        ? name.name + "[" + name.argument + "]"
                                        : name.name,
                            .field = *found.reference});
  }

  std::string_view text_;
  LocatedText located_;  // `text_`, its offsets as places
  std::size_t at_ = 0;
  ParsedOutput result_;
};

}  // namespace

ParsedOutput parse_output_all(std::string_view text) {
  return TemplateParser(text).parse();
}

Result<OutputTemplate> parse_output(std::string_view text) {
  ParsedOutput parsed = parse_output_all(text);
  if (!parsed.errors.empty()) {
    return Error{.code = Code::kInvalidArgument,
                 .message = std::move(parsed.errors.front().message)};
  }
  return std::move(parsed.output);
}

}  // namespace bailiff
