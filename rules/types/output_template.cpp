// SPDX-License-Identifier: Apache-2.0
#include "rules/types/output_template.h"

#include <optional>
#include <utility>

namespace bailiff {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         c == '_' || c == '.';
}

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : text_(text) {}

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
    if (tokens.empty() || tokens.back().is_field) tokens.emplace_back();
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
    int width = 0;
    while (at_ < text_.size() && is_digit(text_[at_])) {
      if (width <= kMaxOutputWidth) width = width * 10 + (text_[at_] - '0');
      ++at_;
    }
    if (width > kMaxOutputWidth) {
      refuse(percent, at_,
             "output field width above " + std::to_string(kMaxOutputWidth));
    }

    std::size_t name_end = at_;
    while (name_end < text_.size() && is_name_char(text_[name_end])) {
      ++name_end;
    }
    const std::string name(text_.substr(at_, name_end - at_));
    if (name.empty()) {
      refuse(percent, at_, "'%' without a field in output",
             "a literal '%' cannot be written in a Falco output");
      return;
    }
    const std::optional<FieldId> found = longest_field_prefix(name);
    if (!found && name_end < text_.size() && text_[name_end] == '(') {
      refuse(percent, name_end,
             "transformer '" + name +
                 "' in output is not available in this version");
      at_ = name_end;
      return;
    }
    if (!found) {
      refuse(percent, name_end, "unknown field '" + name + "' in output",
             suggestion(name));
      at_ = name_end;
      return;
    }
    const Field& known = field(*found);
    at_ += known.name.size();
    OutputToken token;
    token.is_field = true;
    token.field = known.id;
    token.width = width;
    if (known.takes_argument()) token.argument = argument(known, percent);
    result_.output.tokens.push_back(std::move(token));
  }

  std::string argument(const Field& field, std::size_t percent) {
    const bool given = at_ < text_.size() && text_[at_] == '[';
    const std::size_t close = given ? text_.find(']', at_) : at_;
    if (given && close != std::string_view::npos && close > at_ + 1) {
      std::string value(text_.substr(at_ + 1, close - at_ - 1));
      at_ = close + 1;
      return value;
    }
    if (given || field.needs_argument()) {
      refuse(percent, at_,
             "field '" + std::string(field.name) +
                 "' in output needs an argument in brackets");
      if (given) ++at_;
    }
    return {};
  }

  static std::string suggestion(std::string_view name) {
    const std::string_view best = nearest_field(name);
    if (best.empty()) return {};
    return "did you mean '%" + std::string(best) + "'?";
  }

  std::string_view text_;
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
