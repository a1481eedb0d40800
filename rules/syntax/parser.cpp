// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/parser.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "rules/base/codes.h"
#include "rules/syntax/lexer.h"
#include "rules/syntax/slip.h"

namespace bailiff::syntax {
namespace {

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

constexpr char kArgumentQuoting[] =
    "an argument with blanks, brackets or quotes in it needs quotes";

// Counts productions inside one another while it lives.
class Level {
 public:
  [[nodiscard]] explicit Level(int& depth) : depth_(depth) { ++depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --depth_; }

  bool too_deep() const { return depth_ >= kMaxDepth; }

 private:
  int& depth_;
};

class Parser {
 public:
  Parser(const LocatedText& text, const Owner& owner, Diagnostics& diagnostics,
         std::size_t begin = 0)
      : text_(text),
        owner_(owner),
        diagnostics_(diagnostics),
        lexer_(text.text(), begin) {}

  std::optional<CallInText> parse_call() {
    const std::size_t begin = lexer_.at();
    const auto transform = try_transform(Side::kLeft);
    if (!transform) {
      const auto name = lexer_.try_identifier();
      if (!name) return refuse_here("a transformer", {});
      return refuse_transform(*name);
    }
    std::optional<Call> parsed = call(*transform, begin);
    if (!parsed) return std::nullopt;
    return CallInText{.call = *std::move(parsed), .end = lexer_.at()};
  }

  std::optional<Node> parse() {
    lexer_.skip_blanks();
    if (lexer_.at_end()) return refuse(lexer_.here(), "condition is empty");
    std::optional<Node> node = disjunction();
    if (!node) return std::nullopt;
    lexer_.skip_blanks();
    if (!lexer_.at_end()) return refuse_rest("the end of the condition");
    return node;
  }

 private:
  Span span(Range range) const { return text_.span(range.begin, range.end); }
  Span span_from(std::size_t begin) const {
    return text_.span(begin, lexer_.at());
  }
  // The `size` characters before the cursor.
  Range behind(std::size_t size) const {
    return {.begin = lexer_.at() - size, .end = lexer_.at()};
  }

  void report(Severity severity, const char* code, Range range,
              std::string message, std::string hint) {
    diagnostics_.add({.severity = severity,
                      .code = code,
                      .message = std::move(message),
                      .span = span(range),
                      .hint = std::move(hint),
                      .item_type = owner_.type,
                      .item_name = owner_.name});
  }
  // Reports a mistake.  Parsing ends there.
  std::nullopt_t refuse(Range range, std::string message,
                        std::string hint = {}) {
    report(Severity::kError, codes::kCompileCondition, range,
           std::move(message), std::move(hint));
    return std::nullopt;
  }
  std::nullopt_t refuse_depth() {
    return refuse(lexer_.here(),
                  "exceeded max depth limit of " + std::to_string(kMaxDepth));
  }
  // Something else than `expected` is at the cursor.
  std::nullopt_t refuse_here(const std::string& expected, std::string hint) {
    return refuse(lexer_.here(),
                  "unexpected " + found() + ", expected " + expected,
                  std::move(hint));
  }
  // The condition, or what is in a parenthesis, is complete, and goes on.
  std::nullopt_t refuse_rest(const std::string& end) {
    if (lexer_.next_is(')')) return refuse_unopened();
    const Seen seen = {.last = last_,
                       .text = lexer_.text(last_range_),
                       .adjacent = last_range_.end == lexer_.at()};
    const bool tight_or = last_ == Seen::Last::kTightOr;
    return refuse_here((tight_or ? "'or' or " : "'and', 'or' or ") + end,
                       continuation_slip(seen, lexer_.rest()));
  }
  // What looks like a call has a name that no transformer has, or 'val'.
  std::nullopt_t refuse_transform(Range name) {
    const std::string text(lexer_.text(name));
    const bool known = text == to_string(Transform::kVal);
    return refuse(
        name,
        (known ? "unexpected" : "unknown") + (" transformer '" + text + "'"),
        transform_slip(text));
  }
  // Precondition: a ')' is at the cursor.
  std::nullopt_t refuse_unopened() {
    lexer_.try_symbol(")");
    return refuse(behind(1), "closing ')' without its opening '('");
  }
  // The condition ends before the ')' that belongs to `open`.
  std::nullopt_t refuse_unclosed(Range open) {
    return refuse(open, "opening '" + std::string(lexer_.text(open)) +
                            "' without its closing ')'");
  }
  // What is at the cursor, for a message.
  std::string found() const {
    constexpr std::size_t kLongest = 32;
    if (lexer_.at_end()) return "end of the condition";
    const std::string_view here = lexer_.text(lexer_.here());
    const std::string_view shown = cut(here, kLongest);
    return "'" + std::string(shown) + (shown.size() < here.size() ? "…'" : "'");
  }

  void saw(Seen::Last last, Range range) {
    last_ = last;
    last_range_ = range;
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
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    const std::size_t begin = lexer_.at();
    std::optional<Node> first = (this->*operand)();
    if (!first) return std::nullopt;
    std::vector<Node> operands;
    operands.push_back(*std::move(first));
    while (true) {
      const Lexer before = lexer_;
      lexer_.skip_blanks();
      if (!lexer_.try_keyword(word)) {
        lexer_ = before;
        break;
      }
      const bool tight = lexer_.next_is('(');
      lexer_.skip_blanks();
      std::optional<Node> next = tight ? parenthesised() : (this->*operand)();
      if (!next) return std::nullopt;
      operands.push_back(*std::move(next));
      if (tight && word == "or") saw(Seen::Last::kTightOr, behind(1));
    }
    if (operands.size() == 1) return std::move(operands.front());
    return Node{
        Form{.operands = std::move(operands), .span = span_from(begin)}};
  }

  std::optional<Node> negation() {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    const std::size_t begin = lexer_.at();
    bool negated = false;
    bool tight = false;
    // At the very end it is the name of a macro.
    while (!tight && lexer_.rest() != "not" && lexer_.try_keyword("not")) {
      negated = !negated;
      tight = lexer_.next_is('(');
      lexer_.skip_blanks();
    }
    std::optional<Node> operand = tight ? parenthesised() : check();
    if (!operand || !negated) return operand;
    return Node{
        Negation{.operand = *std::move(operand), .span = span_from(begin)}};
  }

  std::optional<Node> check() {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    if (lexer_.next_is('(')) return parenthesised();
    const std::size_t begin = lexer_.at();
    if (const auto name = lexer_.try_field()) {
      std::optional<FieldName> field = field_name(*name);
      if (!field) return std::nullopt;
      return comparison({*std::move(field)}, begin);
    }
    if (const auto transform = try_transform(Side::kLeft)) {
      std::optional<Call> left = call(*transform, begin);
      if (!left) return std::nullopt;
      return comparison({*std::move(left)}, begin);
    }
    const Lexer before = lexer_;
    if (const auto name = lexer_.try_identifier()) {
      const std::string text(lexer_.text(*name));
      if (!lexer_.next_is('(')) {
        saw(Seen::Last::kMacro, *name);
        return Node{MacroUse{.name = text, .span = span(*name)}};
      }
      if (text != "and" && text != "or") {
        return refuse_transform(*name);
      }
      lexer_ = before;
    }
    return refuse_here("a field, a macro, 'not' or '('",
                       check_slip(lexer_.rest()));
  }

  // Precondition: a '(' is at the cursor.
  std::optional<Node> parenthesised() {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    lexer_.try_symbol("(");
    const Range open = behind(1);
    ++open_;
    lexer_.skip_blanks();
    std::optional<Node> inner = disjunction();
    if (!inner) return std::nullopt;
    --open_;
    lexer_.skip_blanks();
    if (lexer_.at_end()) return refuse_unclosed(open);
    if (!lexer_.try_symbol(")")) return refuse_rest("')'");
    saw(Seen::Last::kOther, behind(1));
    return inner;
  }

  std::optional<Node> comparison(Term left, std::size_t begin) {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    Comparison comparison;
    comparison.left = std::move(left);
    lexer_.skip_blanks();
    const std::size_t op_begin = lexer_.at();
    const Spelling* spelling = comparison_operator();
    if (spelling == nullptr) {
      if (open_ == 0 && lexer_.next_is(')')) return refuse_unopened();
      return refuse_here("an operator", operator_slip(lexer_.rest()));
    }
    const Range op = {.begin = op_begin,
                      .end = op_begin + spelling->text.size()};
    comparison.op = spelling->op;
    comparison.op_span = span(op);
    saw(Seen::Last::kOther, op);
    if (operand_kind(comparison.op) == OperandKind::kNone) {
      saw(Seen::Last::kExists, op);
    } else {
      const bool blank = lexer_.skip_blanks() || spelling->word;
      if (blank && operand_kind(comparison.op) == OperandKind::kText) {
        try_quantifier(comparison);
      }
      std::optional<Operands> operands = this->operands(comparison);
      if (!operands) return std::nullopt;
      comparison.operands = std::move(operands->terms);
      comparison.list_by_name = operands->by_name;
    }
    comparison.span = span_from(begin);
    return Node{std::move(comparison)};
  }

  const Spelling* comparison_operator() {
    // What other languages write for '!='; '<' would be found in it.
    if (lexer_.rest().starts_with("<>")) return nullptr;
    for (const Spelling& spelling : kSpellings) {
      const bool found = spelling.word ? lexer_.try_word(spelling.text)
                                       : lexer_.try_symbol(spelling.text);
      if (found) return &spelling;
    }
    return nullptr;
  }

  // A quantifier is one when a list is behind it, and else a value.
  void try_quantifier(Comparison& comparison) {
    const Lexer before = lexer_;
    for (const Quantifier quantifier : kQuantifiers) {
      const std::string_view name = to_string(quantifier);
      if (!lexer_.try_word(name)) continue;
      const bool list = lexer_.next_is('(') || Lexer(lexer_).try_identifier();
      if (list && !lexer_.next_is_keyword()) {
        comparison.quantifier = quantifier;
        comparison.quantifier_span =
            text_.span(before.at(), before.at() + name.size());
        return;
      }
      lexer_ = before;
    }
  }

  struct Operands {
    std::vector<Term> terms;
    bool by_name = false;  // see Comparison::list_by_name
  };

  std::optional<Operands> operands(const Comparison& comparison) {
    const bool list = comparison.quantifier != Quantifier::kNone ||
                      operand_kind(comparison.op) == OperandKind::kList;
    return list ? list_operand(comparison) : single_operand(comparison.op);
  }

  // A number or a text, or a call in its place.
  std::optional<Operands> single_operand(Operator op) {
    const Level level(depth_);
    const Level call_level(depth_);
    if (call_level.too_deep()) return refuse_depth();
    const std::size_t begin = lexer_.at();
    if (const auto transform = try_transform(Side::kRight)) {
      return only(call(*transform, begin));
    }
    if (operand_kind(op) == OperandKind::kNumber) {
      const auto number = lexer_.try_number();
      if (!number) {
        return refuse_here("a number", operand_slip(op, lexer_.rest()));
      }
      saw(Seen::Last::kOther, *number);
      return only(std::optional(literal(*number)));
    }
    if (!lexer_.next_is_value()) {
      return refuse_here("a value", operand_slip(op, lexer_.rest()));
    }
    return only(value());
  }

  std::optional<Operands> list_operand(const Comparison& comparison) {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    if (lexer_.next_is('(')) return items();
    if (comparison.quantifier == Quantifier::kNone) {
      const Level call_level(depth_);
      if (call_level.too_deep()) return refuse_depth();
      const std::size_t begin = lexer_.at();
      if (const auto transform = try_transform(Side::kRight)) {
        return only(call(*transform, begin));
      }
    }
    const auto name = lexer_.try_identifier();
    if (!name) {
      return refuse_here("'(' or the name of a list",
                         operand_slip(comparison.op, lexer_.rest()));
    }
    if (last_range_.end == name->begin) {
      saw(Seen::Last::kTightListName,
          {.begin = last_range_.begin, .end = name->end});
    } else {
      saw(Seen::Last::kListName, *name);
    }
    Operands operands;
    operands.terms.push_back({literal(*name)});
    operands.by_name = true;
    return operands;
  }

  template <typename Form>
  static std::optional<Operands> only(std::optional<Form> form) {
    if (!form) return std::nullopt;
    Operands operands;
    operands.terms.push_back({*std::move(form)});
    return operands;
  }

  // The values of a list.  Precondition: its '(' is at the cursor.
  std::optional<Operands> items() {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    const auto item = [this](bool first) -> std::optional<Term> {
      if (lexer_.next_is_value()) return term(value());
      return refuse_here("a value", item_slip(first, lexer_.rest()));
    };
    std::optional<std::vector<Term>> terms = listed(item);
    if (!terms) return std::nullopt;
    saw(Seen::Last::kOther, behind(1));
    return Operands{.terms = *std::move(terms)};
  }

  // '(' [item (',' item)*] ')'.  Precondition: its '(' is at the cursor.
  // `item(first)` reads one item.
  template <typename Item>
  std::optional<std::vector<Term>> listed(const Item& item) {
    lexer_.try_symbol("(");
    const Range open = behind(1);
    std::vector<Term> terms;
    lexer_.skip_blanks();
    bool closed = lexer_.try_symbol(")");
    while (!closed) {
      if (lexer_.at_end()) return refuse_unclosed(open);
      std::optional<Term> term = item(terms.empty());
      if (!term) return std::nullopt;
      terms.push_back(*std::move(term));
      lexer_.skip_blanks();
      closed = lexer_.try_symbol(")");
      if (closed) break;
      if (lexer_.at_end()) return refuse_unclosed(open);
      if (!lexer_.try_symbol(",")) {
        return refuse_here("',' or ')'", comma_slip(lexer_.rest()));
      }
      lexer_.skip_blanks();
    }
    return terms;
  }

  Literal literal(Range range) const {
    return {.text = std::string(lexer_.text(range)),
            .quoted = false,
            .span = span(range)};
  }

  // Precondition: a value begins at the cursor.
  std::optional<Literal> value() {
    if (lexer_.next_is('"') || lexer_.next_is('\'')) return quoted();
    const Range range = *lexer_.try_bare();
    Literal bare = literal(range);
    saw(Seen::Last::kBareValue, range);
    if (begins_with_typographic_quote(bare.text)) {
      report(
          Severity::kWarning, codes::kWarnCompileCondition, range,
          "value '" + bare.text + "' begins with a quote that quotes nothing",
          "write \" or '");
    }
    return bare;
  }

  // Precondition: a quote is at the cursor.
  std::optional<Literal> quoted() {
    std::optional<Unquoted> unquoted = lexer_.try_quoted();
    const Range place = unquoted->place;
    if (!unquoted->error.empty()) {
      return refuse(place, std::move(unquoted->error),
                    quoted_slip(lexer_.text(place)));
    }
    saw(Seen::Last::kQuotedValue, place);
    return Literal{
        .text = std::move(unquoted->text), .quoted = true, .span = span(place)};
  }

  enum class Side : std::uint8_t { kLeft, kRight };

  // A transformer with the '(' behind it.
  std::optional<Transform> try_transform(Side side) {
    const Lexer before = lexer_;
    for (const Transform transform : kTransforms) {
      if (transform == Transform::kVal && side == Side::kLeft) continue;
      if (!lexer_.try_symbol(to_string(transform))) continue;
      if (lexer_.try_symbol("(")) return transform;
      lexer_ = before;
    }
    return std::nullopt;
  }

  // The call whose '(' is behind; it begins at `begin`.
  std::optional<Call> call(Transform transform, std::size_t begin) {
    const Range open = {.begin = begin, .end = lexer_.at()};
    lexer_.skip_blanks();
    std::optional<std::vector<Term>> arguments =
        transform == Transform::kVal ? val_argument() : this->arguments(open);
    if (!arguments) return std::nullopt;
    lexer_.skip_blanks();
    if (lexer_.at_end()) return refuse_unclosed(open);
    if (!lexer_.try_symbol(")")) {
      const bool one = transform == Transform::kVal;
      return refuse_here(one ? "')'" : "',' or ')'", comma_slip(lexer_.rest()));
    }
    std::optional<Brackets> brackets = this->brackets();
    if (!brackets) return std::nullopt;
    saw(Seen::Last::kOther, behind(1));
    return Call{.transform = transform,
                .arguments = *std::move(arguments),
                .bracket = std::move(brackets->text),
                .has_bracket = brackets->present,
                .transform_span = span({.begin = begin, .end = open.end - 1}),
                .span = span_from(begin)};
  }

  std::optional<std::vector<Term>> val_argument() {
    const auto name = lexer_.try_field();
    if (!name) {
      return refuse_here("a field", "'val' takes nothing but a field");
    }
    std::optional<FieldName> field = field_name(*name);
    if (!field) return std::nullopt;
    std::vector<Term> arguments;
    arguments.push_back({*std::move(field)});
    return arguments;
  }

  std::optional<std::vector<Term>> arguments(Range open) {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    std::vector<Term> arguments;
    do {
      lexer_.skip_blanks();
      if (lexer_.at_end()) return refuse_unclosed(open);
      std::optional<Term> argument = this->argument();
      if (!argument) return std::nullopt;
      arguments.push_back(*std::move(argument));
      lexer_.skip_blanks();
    } while (lexer_.try_symbol(","));
    return arguments;
  }

  std::optional<Term> argument() {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    if (!lexer_.next_is('(')) {
      return simple_argument(
          "a field, a transformer, a quoted text, a number or '('");
    }
    const std::size_t begin = lexer_.at();
    std::optional<std::vector<Term>> items = listed([this](bool /*first*/) {
      return simple_argument(
          "a field, a transformer, a quoted text or a number");
    });
    if (!items) return std::nullopt;
    return Term{TermList{.items = *std::move(items), .span = span_from(begin)}};
  }

  std::optional<Term> simple_argument(const char* expected) {
    if (lexer_.next_is('"') || lexer_.next_is('\'')) return term(quoted());
    if (const auto number = lexer_.try_number()) return Term{literal(*number)};
    if (const auto name = lexer_.try_field()) return term(field_name(*name));
    const std::size_t begin = lexer_.at();
    if (const auto transform = try_transform(Side::kLeft)) {
      return term(call(*transform, begin));
    }
    return refuse_here(expected, argument_slip(lexer_.rest()));
  }
  template <typename Form>
  static std::optional<Term> term(std::optional<Form> form) {
    if (!form) return std::nullopt;
    return Term{*std::move(form)};
  }

  // The field at `name`, with the argument behind it.
  std::optional<FieldName> field_name(Range name) {
    const Level level(depth_);
    if (level.too_deep()) return refuse_depth();
    std::optional<Brackets> brackets = this->brackets();
    if (!brackets) return std::nullopt;
    return FieldName{.name = std::string(lexer_.text(name)),
                     .argument = std::move(brackets->text),
                     .has_argument = brackets->present,
                     .span = span_from(name.begin)};
  }

  struct Brackets {
    std::string text;
    bool present = false;
  };

  // '[' argument ']', if it is there.
  std::optional<Brackets> brackets() {
    if (!lexer_.try_symbol("[")) return Brackets{};
    Brackets brackets;
    brackets.present = true;
    if (lexer_.next_is('"') || lexer_.next_is('\'')) {
      std::optional<Literal> argument = quoted();
      if (!argument) return std::nullopt;
      brackets.text = std::move(argument->text);
    } else if (const auto bare = lexer_.try_bare_argument()) {
      brackets.text = lexer_.text(*bare);
    } else {
      // The words of these two are Falco's, which people search for.
      return refuse(lexer_.here(),
                    "expected a valid field argument: a quoted string or a "
                    "bare string",
                    kArgumentQuoting);
    }
    if (!lexer_.try_symbol("]")) {
      return refuse(lexer_.here(), "expected a ']' token", kArgumentQuoting);
    }
    return brackets;
  }

  const LocatedText& text_;
  const Owner& owner_;
  Diagnostics& diagnostics_;
  Lexer lexer_;
  int depth_ = 0;
  int open_ = 0;  // parentheses around the cursor
  // What was read last, for hints.
  Seen::Last last_ = Seen::Last::kOther;
  Range last_range_;
};

}  // namespace

std::optional<Node> parse_condition(const LocatedText& text, const Owner& owner,
                                    Diagnostics& diagnostics) {
  return Parser(text, owner, diagnostics).parse();
}

std::optional<CallInText> parse_call(const LocatedText& text, std::size_t begin,
                                     const Owner& owner,
                                     Diagnostics& diagnostics) {
  return Parser(text, owner, diagnostics, begin).parse_call();
}

}  // namespace bailiff::syntax
