// SPDX-License-Identifier: Apache-2.0
//
// A rule fires when rules/eval/evaluate.h says so.  What the matcher makes of
// all the rules of a policy together must agree, on every one of a million
// random cases; a case is one rule judged on one event.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "rules/eval/matcher.h"
#include "tests/differential/generator.h"
#include "tests/differential/match_generator.h"
#include "tests/differential/options.h"

namespace bailiff::test {
namespace {

constexpr int kEventsPerPolicy = 100;

std::vector<std::string> names_of(const std::vector<List>& lists) {
  std::vector<std::string> names;
  for (const List& list : lists) names.push_back(list.name);
  return names;
}

std::vector<std::uint32_t> as_vector(std::span<const std::uint32_t> rules) {
  return {rules.begin(), rules.end()};
}

TEST(MatcherDifferential, RulesFireWhenTheirConditionsHold) {
  MatchGenerator generator(options.seed);
  std::uint64_t cases = 0;
  std::uint64_t hits = 0;
  std::uint64_t policies = 0;
  // One for all, as threads have.
  MatchMemory memory;
  for (; cases < options.cases; ++policies) {
    const CompiledPolicy policy = generator.policy();
    const ListIndex lists(policy);
    const Matcher matcher(policy);
    for (int i = 0; i < kEventsPerPolicy; ++i) {
      const MadeEvent event = generator.event();
      const std::vector<std::uint32_t> fired =
          as_vector(matcher.match(event, memory));
      ASSERT_TRUE(std::is_sorted(fired.begin(), fired.end()));
      std::vector<std::uint32_t> some;
      std::vector<std::uint32_t> some_expected;
      for (std::uint32_t rule = 0; rule < policy.rules.size(); ++rule) {
        ++cases;
        const bool expected =
            policy.rules[rule].enabled &&
            evaluate(policy.rules[rule].condition, event, lists);
        hits += expected ? 1 : 0;
        ASSERT_EQ(std::binary_search(fired.begin(), fired.end(), rule),
                  expected)
            << to_string(policy.rules[rule].condition, names_of(policy.lists))
            << "\n"
            << describe(event);
        if (!generator.chance(30)) continue;
        some.push_back(rule);
        if (expected) some_expected.push_back(rule);
      }
      ASSERT_EQ(as_vector(matcher.match(event, some, memory)), some_expected);
    }
  }
  std::cout << cases << " cases, " << hits << " hits, " << policies
            << " policies\n";
  // Random rules that hardly ever hold, or hold always, would prove nothing.
  EXPECT_GT(hits, cases / 10);
  EXPECT_LT(hits, cases - cases / 10);

  // Of fewer cases some combination is missing now and then.
  if (cases < 1'000'000) return;
  for (const Op op : all_operators()) {
    for (const FieldType type :
         {FieldType::kString, FieldType::kNumber, FieldType::kBool,
          FieldType::kAddress, FieldType::kNetwork, FieldType::kBytes}) {
      for (const Quantifier quantifier :
           {Quantifier::kNone, Quantifier::kOneof, Quantifier::kAnyof,
            Quantifier::kAllof}) {
        const bool wanted =
            has_operator(type, op) &&
            (op != Op::kExists || quantifier == Quantifier::kNone);
        EXPECT_EQ(generator.cells().contains({type, op, quantifier}), wanted)
            << to_string(op) << " " << to_string(quantifier);
      }
    }
  }
}

}  // namespace
}  // namespace bailiff::test
