// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/parser.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "rules/base/codes.h"
#include "rules/syntax/lexer.h"

namespace bailiff::syntax {
namespace {

constexpr std::string_view kTransformers[] = {
    "tolower(", "toupper(", "b64(",    "basename(", "len(",
    "join(",    "concat(",  "getopt(", "val(",
};
constexpr std::string_view kModifiers[] = {"oneof", "anyof", "allof"};

// An operator as it is spelled.  Longer spellings come before their prefixes.
struct Spelling {
  std::string_view text;
  Operator op;
  bool word;  // wants a blank behind it
};
constexpr Spelling kSpellings[] = {
    {"exists", Operator::kExists, false},
    {"<=", Operator::kLe, false},
    {"<", Operator::kLt, false},
    {">=", Operator::kGe, false},
    {">", Operator::kGt, false},
    {"==", Operator::kEq, false},
    {"=", Operator::kEq, false},
    {"!=", Operator::kNe, false},
    {"glob", Operator::kGlob, true},
    {"iglob", Operator::kIglob, true},
    {"contains", Operator::kContains, true},
    {"icontains", Operator::kIcontains, true},
    {"bcontains", Operator::kBcontains, true},
    {"startswith", Operator::kStartswith, true},
    {"bstartswith", Operator::kBstartswith, true},
    {"endswith", Operator::kEndswith, true},
    {"regex", Operator::kRegex, true},
    {"intersects", Operator::kIntersects, false},
    {"in", Operator::kIn, false},
    {"pmatch", Operator::kPmatch, false},
};

// Counts one level of nesting while it lives.
class Nesting {
 public:
  [[nodiscard]] explicit Nesting(int& depth) : depth_(depth) { ++depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() { --depth_; }

 private:
  int& depth_;
};

class Parser {
 public:
  Parser(const LocatedText& text, const Owner& owner, Diagnostics& diagnostics)
      : text_(text),
        owner_(owner),
        diagnostics_(diagnostics),
        lexer_(text.text()) {}

  std::optional<Node> parse() {
    lexer_.skip_blanks();
    if (lexer_.at_end()) return refuse(lexer_.here(), "condition is empty");
    std::optional<Node> node = disjunction();
    if (!node) return std::nullopt;
    lexer_.skip_blanks();
    if (!lexer_.at_end()) {
      return refuse(lexer_.here(),
                    "unexpected " + found() +
                        ", expected 'and', 'or' or the end of the condition");
    }
    return node;
  }

 private:
  Span span(Range range) const { return text_.span(range.begin, range.end); }
  Span span_from(std::size_t begin) const {
    return text_.span(begin, lexer_.at());
  }

  // Reports a mistake.  Parsing ends there.
  std::nullopt_t refuse(Range range, std::string message,
                        std::string hint = {}) {
    diagnostics_.add({.severity = Severity::kError,
                      .code = codes::kCompileCondition,
                      .message = std::move(message),
                      .span = span(range),
                      .hint = std::move(hint),
                      .item_type = owner_.type,
                      .item_name = owner_.name});
    return std::nullopt;
  }

  // What is at the cursor, for a message.
  std::string found() const {
    constexpr std::size_t kLongest = 32;
    if (lexer_.at_end()) return "end of the condition";
    const std::string_view here = lexer_.text(lexer_.here());
    return "'" + std::string(here.substr(0, kLongest)) +
           (here.size() > kLongest ? "…'" : "'");
  }

  std::optional<Node> disjunction() {
    return joined<Disjunction>("or", &Parser::conjunction);
  }
  std::optional<Node> conjunction() {
    return joined<Conjunction>("and", &Parser::negation);
  }

  // OPERAND (word OPERAND)*
  template <typename Form>
  std::optional<Node> joined(std::string_view word,
                             std::optional<Node> (Parser::*operand)()) {
    const std::size_t begin = lexer_.at();
    std::optional<Node> first = (this->*operand)();
    if (!first) return std::nullopt;
    std::vector<Node> operands;
    operands.push_back(*std::move(first));
    while (true) {
      const Lexer before = lexer_;
      lexer_.skip_blanks();
      if (!lexer_.try_word(word)) {
        lexer_ = before;
        break;
      }
      lexer_.skip_blanks();
      std::optional<Node> next = (this->*operand)();
      if (!next) return std::nullopt;
      operands.push_back(*std::move(next));
    }
    if (operands.size() == 1) return std::move(operands.front());
    return Node{
        Form{.operands = std::move(operands), .span = span_from(begin)}};
  }

  std::optional<Node> negation() {
    const std::size_t begin = lexer_.at();
    bool negated = false;
    while (lexer_.try_word("not")) {
      negated = !negated;
      lexer_.skip_blanks();
    }
    std::optional<Node> operand = check();
    if (!operand || !negated) return operand;
    return Node{
        Negation{.operand = *std::move(operand), .span = span_from(begin)}};
  }

  std::optional<Node> check() {
    if (lexer_.next_is('(')) return parenthesised();
    if (const auto name = transformer()) return unavailable(*name);
    const std::size_t begin = lexer_.at();
    if (const auto name = lexer_.try_field()) {
      std::optional<FieldName> field = field_name(*name);
      if (!field) return std::nullopt;
      return comparison(*std::move(field), begin);
    }
    if (const auto name = lexer_.try_identifier()) {
      return Node{MacroUse{.name = std::string(lexer_.text(*name)),
                           .span = span(*name)}};
    }
    return refuse(
        lexer_.here(),
        "unexpected " + found() + ", expected a field, a macro, 'not' or '('");
  }

  std::optional<Node> parenthesised() {
    const Range open = {.begin = lexer_.at(), .end = lexer_.at() + 1};
    const Nesting nesting(depth_);
    if (depth_ > kMaxNesting) {
      return refuse(open, "more than " + std::to_string(kMaxNesting) +
                              " parentheses inside one another");
    }
    lexer_.try_symbol("(");
    lexer_.skip_blanks();
    std::optional<Node> inner = disjunction();
    if (!inner) return std::nullopt;
    lexer_.skip_blanks();
    if (!lexer_.try_symbol(")")) {
      return refuse(lexer_.here(),
                    "unexpected " + found() + ", expected 'and', 'or' or ')'");
    }
    return inner;
  }

  // The transformer at the cursor, with its parenthesis.
  std::optional<Range> transformer() {
    const Lexer before = lexer_;
    for (const std::string_view name : kTransformers) {
      if (!lexer_.try_symbol(name)) continue;
      const Range range = {.begin = before.at(), .end = lexer_.at() - 1};
      lexer_ = before;
      return range;
    }
    return std::nullopt;
  }

  std::nullopt_t unavailable(Range name) {
    return refuse(name, "'" + std::string(lexer_.text(name)) +
                            "' is not available in this version");
  }

  // The field at `name`, with the argument behind it.
  std::optional<FieldName> field_name(Range name) {
    FieldName field;
    field.name = lexer_.text(name);
    field.span = span(name);
    if (!lexer_.try_symbol("[")) return field;
    field.has_argument = true;
    if (const auto quoted = lexer_.try_quoted()) {
      if (!quoted->error.empty()) return refuse(quoted->place, quoted->error);
      field.argument = quoted->text;
    } else if (const auto bare = lexer_.try_bare_argument()) {
      field.argument = lexer_.text(*bare);
    } else {
      return refuse(lexer_.here(),
                    "expected a valid field argument: a quoted string or a "
                    "bare string");
    }
    if (!lexer_.try_symbol("]")) {
      return refuse(lexer_.here(), "expected a ']' token");
    }
    field.span = span_from(name.begin);
    return field;
  }

  std::optional<Node> comparison(FieldName field, std::size_t begin) {
    Comparison comparison;
    comparison.left = {std::move(field)};
    lexer_.skip_blanks();
    const std::size_t op_begin = lexer_.at();
    const std::optional<Operator> op = comparison_operator();
    if (!op) {
      return refuse(lexer_.here(),
                    "unexpected " + found() + ", expected an operator",
                    operator_hint());
    }
    comparison.op = *op;
    comparison.op_span = span_from(op_begin);
    lexer_.skip_blanks();
    if (!operands(comparison)) return std::nullopt;
    comparison.span = span_from(begin);
    return Node{std::move(comparison)};
  }

  std::optional<Operator> comparison_operator() {
    for (const Spelling& spelling : kSpellings) {
      const Lexer before = lexer_;
      if (!lexer_.try_symbol(spelling.text)) continue;
      if (!spelling.word || (lexer_.next_is_blank() && !lexer_.at_end())) {
        return spelling.op;
      }
      lexer_ = before;
    }
    return std::nullopt;
  }

  // A mistyped word operator.
  std::string operator_hint() const {
    std::vector<std::string_view> words;
    for (const Spelling& spelling : kSpellings) words.push_back(spelling.text);
    const std::string_view near = nearest(lexer_.text(lexer_.here()), words);
    return near.empty() ? "" : "did you mean '" + std::string(near) + "'?";
  }

  // Whether the operands were read; otherwise a mistake was reported.
  bool operands(Comparison& comparison) {
    switch (operand_kind(comparison.op)) {
      case OperandKind::kNone:
        return true;
      case OperandKind::kNumber:
        return number_operand(comparison);
      case OperandKind::kText:
        return text_operand(comparison);
      case OperandKind::kList:
        return list_operand(comparison);
    }
    return false;
  }

  bool number_operand(Comparison& comparison) {
    if (const auto name = transformer()) {
      unavailable(*name);
      return false;
    }
    const auto number = lexer_.try_number();
    if (!number) {
      refuse(lexer_.here(), "unexpected " + found() + ", expected a number");
      return false;
    }
    comparison.operands.push_back(
        {Literal{.text = std::string(lexer_.text(*number)),
                 .quoted = false,
                 .span = span(*number)}});
    return true;
  }

  bool text_operand(Comparison& comparison) {
    if (const auto name = transformer()) {
      unavailable(*name);
      return false;
    }
    const Lexer before = lexer_;
    for (const std::string_view modifier : kModifiers) {
      if (lexer_.try_word(modifier)) {
        unavailable({.begin = before.at(), .end = lexer_.at()});
        return false;
      }
    }
    return one_operand(comparison);
  }

  bool one_operand(Comparison& comparison) {
    Literal operand;
    if (auto quoted = lexer_.try_quoted()) {
      if (!quoted->error.empty()) {
        refuse(quoted->place, quoted->error);
        return false;
      }
      operand = {.text = std::move(quoted->text),
                 .quoted = true,
                 .span = span(quoted->place)};
    } else if (const auto bare = lexer_.try_bare()) {
      operand = {.text = std::string(lexer_.text(*bare)),
                 .quoted = false,
                 .span = span(*bare)};
    } else {
      refuse(lexer_.here(), "unexpected " + found() + ", expected a value",
             "a value with blanks or any of ( ) = , needs quotes");
      return false;
    }
    comparison.operands.push_back({std::move(operand)});
    return true;
  }

  bool list_operand(Comparison& comparison) {
    if (const auto name = transformer()) {
      unavailable(*name);
      return false;
    }
    if (!lexer_.try_symbol("(")) {
      const auto name = lexer_.try_identifier();
      if (!name) {
        refuse(lexer_.here(), "unexpected " + found() +
                                  ", expected '(' or the name of a list");
        return false;
      }
      comparison.list_by_name = true;
      comparison.operands.push_back(
          {Literal{.text = std::string(lexer_.text(*name)),
                   .quoted = false,
                   .span = span(*name)}});
      return true;
    }
    lexer_.skip_blanks();
    if (lexer_.try_symbol(")")) return true;
    while (true) {
      if (!one_operand(comparison)) return false;
      lexer_.skip_blanks();
      if (lexer_.try_symbol(")")) return true;
      if (!lexer_.try_symbol(",")) {
        refuse(lexer_.here(),
               "unexpected " + found() + ", expected ',' or ')'");
        return false;
      }
      lexer_.skip_blanks();
    }
  }

  const LocatedText& text_;
  const Owner& owner_;
  Diagnostics& diagnostics_;
  Lexer lexer_;
  int depth_ = 0;
};

}  // namespace

std::optional<Node> parse_condition(const LocatedText& text, const Owner& owner,
                                    Diagnostics& diagnostics) {
  return Parser(text, owner, diagnostics).parse();
}

}  // namespace bailiff::syntax
