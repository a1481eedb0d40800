// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax/printer.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <variant>

#include "rules/syntax/lexer.h"
#include "rules/syntax/parser.h"
#include "tests/harness/condition_places.h"
#include "tests/harness/random_condition.h"
#include "tests/harness/seed.h"

namespace bailiff::syntax {
namespace {

std::optional<Node> parse(const std::string& condition) {
  LocatedText located;
  located.push_run(condition, 0, 0);
  Diagnostics diagnostics;
  return parse_condition(located, {}, diagnostics);
}

TEST(Quote, IsUndoneByUnquote) {
  for (const std::string& text :
       {std::string("a"), std::string(), std::string("a b"),
        std::string("\"\\\"\\\\"), std::string("end\\"), std::string("\\\""),
        std::string("\n\t\x7f\x01"), std::string("caf\xc3\xa9"),
        std::string("'"), std::string("a\0b", 3)}) {
    EXPECT_EQ(unquote(quote(text)), text) << quote(text);
  }
}

TEST(Printer, PrintsWhatParsesToTheSameTree) {
  for (const std::string text :
       {"a", "not a", "not (not (a))", "a and (b or c) and not (d and e)",
        "(a or b) or c", "x.y = \"p q\\\"\" and x.y in (a, \"b\", 'c d')",
        "(x.y = anyof) and a", "x.y[\"k v\"] < -3 or x.y in list",
        "(not) and (not (not))", "and and or or or", "x.y = oneof oneof",
        "x.y in val"}) {
    const auto first = parse(text);
    ASSERT_TRUE(first) << text;
    const auto second = parse(print(*first));
    ASSERT_TRUE(second) << print(*first);
    EXPECT_EQ(*first, *second) << text << " and " << print(*first);
  }
}

// Counts what trees are made of.
struct Census {
  std::set<Operator> operators;
  std::set<Quantifier> quantifiers;
  std::set<Transform> transforms;

  void add(const Node& node) {
    if (const auto* form = std::get_if<Comparison>(&node.form)) {
      operators.insert(form->op);
      quantifiers.insert(form->quantifier);
      add(form->left);
      for (const Term& operand : form->operands) add(operand);
    } else if (const auto* negation = std::get_if<Negation>(&node.form)) {
      add(*negation->operand);
    } else if (const auto* both = std::get_if<Conjunction>(&node.form)) {
      for (const Node& operand : both->operands) add(operand);
    } else if (const auto* either = std::get_if<Disjunction>(&node.form)) {
      for (const Node& operand : either->operands) add(operand);
    }
  }
  void add(const Term& term) {
    if (term.call() != nullptr) transforms.insert(term.call()->transform);
  }
};

TEST(Printer, RandomTreesComeBackFromTheirText) {
  constexpr int kTrees = 100'000;
  test::RandomCondition random(test::random_seed());
  Census census;
  for (int i = 0; i < kTrees; ++i) {
    // Most are small, which is where a mistake would be.
    const Node tree = random.node(i % 16 == 0 ? 3 : i % 4 == 0 ? 1 : 0);
    census.add(tree);
    const std::string text = print(tree);
    const std::optional<Node> parsed = parse(text);
    ASSERT_TRUE(parsed) << text;
    ASSERT_TRUE(*parsed == tree) << text << "\nbecame " << print(*parsed);
    ASSERT_TRUE(test::ConditionPlaces(text).are_exact(*parsed)) << text;
  }
  EXPECT_EQ(census.operators.size(), std::size(kOperators));
  EXPECT_EQ(census.quantifiers.size(), std::size(kQuantifiers) + 1);
  EXPECT_EQ(census.transforms.size(), std::size(kTransforms));
}

}  // namespace
}  // namespace bailiff::syntax
