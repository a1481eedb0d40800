// SPDX-License-Identifier: Apache-2.0
//
// As match_test.cpp, with the rules Falco comes with, on events of a shell in
// a container in which some fields are what some rule compares them with.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rules/eval/matcher.h"
#include "rules/policy/load.h"
#include "rules/types/compare.h"
#include "tests/differential/options.h"
#include "tests/harness/sample_events.h"

namespace bailiff::test {
namespace {

CompiledPolicy shared_rules() {
  LoadInput input;
  for (const char* name : {"falco_rules", "falco-incubating_rules",
                           "falco-sandbox_rules", "falco-deprecated_rules"}) {
    std::string path = std::string(BAILIFF_SHARED_DATA "/falco-rules/") + name;
    path += ".yaml";
    std::ifstream file(path);
    input.files.push_back(
        {.name = path, .text = {std::istreambuf_iterator<char>(file), {}}});
  }
  Loaded loaded = load(std::move(input));
  EXPECT_TRUE(loaded.policy) << render(loaded.diagnostics, loaded.sources);
  if (!loaded.policy) return {};
  // Some are off, and not less worth to be compared.
  for (Rule& rule : loaded.policy->rules) rule.enabled = true;
  return *std::move(loaded.policy);
}

// What a text may be so that a check of it holds, or nearly.
std::vector<std::string> texts_like(Op op, const std::string& operand) {
  std::string filled = operand;
  std::replace(filled.begin(), filled.end(), '*', 'x');
  std::string upper = operand;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  switch (op) {
    case Op::kStartswith:
    case Op::kPmatch:
      return {operand, operand + "x", operand + "/x"};
    case Op::kEndswith:
      return {operand, "x" + operand};
    case Op::kContains:
      return {operand, "x " + operand + " x"};
    case Op::kIcontains:
      return {operand, "x" + upper};
    case Op::kGlob:
      return {filled, operand};
    default:
      return {operand, operand + "x"};
  }
}

// The values that rules compare each field with, and values near them.
class Pools {
 public:
  using Field = std::pair<FieldId, std::string>;

  explicit Pools(const CompiledPolicy& policy) : policy_(policy) {
    for (const Rule& rule : policy.rules) add(rule.condition);
  }
  const std::map<Field, std::vector<Value>>& pools() const { return pools_; }

  void operator()(const Constant&) {}
  void operator()(const TermCheck&) {}
  void operator()(const Not& node) { add(*node.operand); }
  void operator()(const And& node) {
    for (const Expr& operand : node.operands) add(operand);
  }
  void operator()(const Or& node) {
    for (const Expr& operand : node.operands) add(operand);
  }
  void operator()(const Check& node) {
    std::vector<Value>& pool = pools_[{node.field, node.argument}];
    for (const Value& operand : node.values) add_like(node.op, operand, pool);
    for (const std::uint32_t list : node.lists) {
      for (const std::string& item : flatten(policy_.lists, list)) {
        const auto operand =
            parse_operand(value_type(node.field, node.argument), node.op, item);
        if (operand) add_like(node.op, *operand, pool);
      }
    }
    if (pool.empty()) pool.emplace_back(std::string("x"));
  }

 private:
  void add(const Expr& expr) { std::visit(*this, expr.node); }

  static void add_like(Op op, const Value& operand, std::vector<Value>& pool) {
    if (const auto* text = std::get_if<std::string>(&operand)) {
      for (std::string& like : texts_like(op, *text)) {
        pool.emplace_back(std::move(like));
      }
    } else if (const auto* number = std::get_if<std::int64_t>(&operand)) {
      for (const int by : {-1, 0, 1}) pool.emplace_back(*number + by);
    } else if (const auto* network = std::get_if<IpNetwork>(&operand)) {
      pool.emplace_back(network->base);
    } else if (std::holds_alternative<bool>(operand)) {
      pool.emplace_back(true);
      pool.emplace_back(false);
    } else {
      pool.push_back(operand);
    }
  }

  const CompiledPolicy& policy_;
  std::map<Field, std::vector<Value>> pools_;
};

TEST(SharedMatcherDifferential, RulesFireWhenTheirConditionsHold) {
  const CompiledPolicy policy = shared_rules();
  ASSERT_EQ(policy.rules.size(), 97U);
  const ListIndex lists(policy);
  const Matcher matcher(policy);
  const Pools pools(policy);
  std::mt19937_64 random(options.seed);
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };

  MatchMemory memory;
  std::uint64_t cases = 0;
  std::map<std::uint32_t, std::uint64_t> hits;
  while (cases < options.cases) {
    std::vector<SampleEvent> events = sample::all();
    SampleEvent& event = events[below(events.size())];
    const std::size_t percent = below(80);
    for (const auto& [field, pool] : pools.pools()) {
      if (below(100) >= percent) continue;
      std::vector<Value> values;
      const std::size_t count = below(5) == 0 ? below(4) : 1;
      for (std::size_t i = 0; i < count; ++i) {
        values.push_back(pool[below(pool.size())]);
      }
      event.with(field.first, field.second, values);
    }
    const auto fired = matcher.match(event, memory);
    for (std::uint32_t rule = 0; rule < policy.rules.size(); ++rule) {
      ++cases;
      const bool expected =
          evaluate(policy.rules[rule].condition, event, lists);
      if (expected) ++hits[rule];
      ASSERT_EQ(std::binary_search(fired.begin(), fired.end(), rule), expected)
          << policy.rules[rule].name << " on " << event.name;
    }
  }
  std::cout << cases << " cases, " << hits.size() << " rules fired\n";
  // Nor would rules of which few ever fire.
  if (cases >= 200'000) {
    EXPECT_GT(hits.size(), policy.rules.size() / 2);
  }
}

}  // namespace
}  // namespace bailiff::test
