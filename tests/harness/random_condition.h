// SPDX-License-Identifier: Apache-2.0
// tests/harness/random_condition.h
// Random conditions as trees: every form the grammar has, and none that cannot
// be written down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/syntax/ast.h"
#include "rules/syntax/lexer.h"

namespace bailiff::test {

class RandomCondition {
 public:
  // What a condition may name.  The defaults look like keywords, operators and
  // transformers wherever the grammar lets them.
  struct Names {
    std::vector<std::string> fields = {"proc.name", "fd.sip", "evt.arg.flags",
                                       "a.b",       "in.in",  "not.val"};
    std::vector<std::string> macros = {"m",  "never_true", "and", "or",
                                       "in", "not",        "val", "oneof"};
    std::vector<std::string> lists = {"shells",  "x",   "oneof", "notes",
                                      "tolower", "val", "and1"};
  };

  explicit RandomCondition(std::uint64_t seed) : random_(seed) {}
  RandomCondition(std::uint64_t seed, Names names)
      : random_(seed), names_(std::move(names)) {}

  // At most `depth` of and, or and not inside one another.
  syntax::Node node(int depth) {
    using namespace syntax;
    if (depth == 0 || chance(30)) {
      if (chance(25)) return {MacroUse{.name = one_of(names_.macros)}};
      return {comparison()};
    }
    switch (below(3)) {
      case 0:
        return {Negation{.operand = node(depth - 1)}};
      case 1:
        return {Conjunction{.operands = nodes(depth - 1)}};
      default:
        return {Disjunction{.operands = nodes(depth - 1)}};
    }
  }

  syntax::Comparison comparison() {
    using namespace syntax;
    Comparison comparison;
    comparison.left =
        chance(20) ? Term{call(left_transform(), 2)} : Term{field()};
    comparison.op = one_of(kOperators);
    const OperandKind kind = operand_kind(comparison.op);
    if (kind == OperandKind::kNone) return comparison;
    if (chance(15)) {
      comparison.operands.push_back({call(one_of(kTransforms), 2)});
      return comparison;
    }
    if (kind == OperandKind::kText && chance(25)) {
      comparison.quantifier = one_of(kQuantifiers);
    }
    if (!comparison.takes_list()) {
      comparison.operands.push_back(
          {kind == OperandKind::kNumber ? number() : value()});
    } else if (chance(25)) {
      comparison.list_by_name = true;
      comparison.operands.push_back({Literal{.text = one_of(names_.lists)}});
    } else {
      for (std::size_t i = below(4); i > 0; --i) {
        const bool list = chance(20);
        comparison.operands.push_back(
            {list ? Literal{.text = one_of(names_.lists)} : value()});
      }
    }
    return comparison;
  }

 private:
  std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(random_()) % bound;
  }
  bool chance(std::size_t percent) { return below(100) < percent; }
  const std::string& one_of(const std::vector<std::string>& items) {
    return items[below(items.size())];
  }
  template <typename Enumerator, std::size_t size>
  Enumerator one_of(const Enumerator (&items)[size]) {
    return items[below(size)];
  }

  std::vector<syntax::Node> nodes(int depth) {
    std::vector<syntax::Node> result;
    for (std::size_t i = 2 + below(2); i > 0; --i) {
      result.push_back(node(depth));
    }
    return result;
  }

  syntax::FieldName field() {
    syntax::FieldName field;
    field.name = one_of(names_.fields);
    field.has_argument = chance(20);
    if (field.has_argument) field.argument = text();
    return field;
  }

  syntax::Transform left_transform() {
    for (;;) {
      const syntax::Transform transform = one_of(syntax::kTransforms);
      if (transform != syntax::Transform::kVal) return transform;
    }
  }

  // Calls at most `depth` inside one another.
  syntax::Call call(syntax::Transform transform, int depth) {
    syntax::Call call;
    call.transform = transform;
    call.has_bracket = chance(15);
    if (call.has_bracket) call.bracket = text();
    if (transform == syntax::Transform::kVal) {
      call.arguments.push_back({field()});
      return call;
    }
    for (std::size_t i = 1 + below(3); i > 0; --i) {
      if (!chance(25)) {
        call.arguments.push_back(argument(depth));
        continue;
      }
      syntax::TermList list;
      for (std::size_t k = below(3); k > 0; --k) {
        list.items.push_back(argument(depth));
      }
      call.arguments.push_back({std::move(list)});
    }
    return call;
  }
  syntax::Term argument(int depth) {
    if (depth > 1 && chance(30)) return {call(left_transform(), depth - 1)};
    if (chance(60)) return {field()};
    if (chance(30)) return {number()};
    return {syntax::Literal{.text = text(), .quoted = true}};
  }

  syntax::Literal number() {
    static const std::vector<std::string> kNumbers = {
        "0", "-1", "+12", "65535", "1.5", "1.", "2e+3", "-2.5E-10", "0x1bB"};
    return {.text = one_of(kNumbers)};
  }
  syntax::Literal value() {
    std::string value = text();
    bool bare = !value.empty();
    for (const char c : value) bare = bare && syntax::is_bare_char(c);
    return {.text = std::move(value), .quoted = !bare || chance(30)};
  }
  // Of a few pieces that mean something in one place or another.
  std::string text() {
    static const std::vector<std::string> kPieces = {
        "a", "/x/*.y", "1.2.3.4", "::1",  "not",      "and",  "oneof",
        "=", ",",      "(",       ")",    "\"",       "'",    "\\",
        " ", "\n",     "\b",      "\x7f", "\xc3\xa9", "\xff", "[",
        "]", "val(",   "x",       "<>",   "#",        "{}",   "\\x41"};
    std::string text;
    for (std::size_t i = below(4); i > 0; --i) text += one_of(kPieces);
    return text;
  }

  std::mt19937_64 random_;
  Names names_;
};

}  // namespace bailiff::test
