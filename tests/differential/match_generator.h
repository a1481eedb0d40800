// SPDX-License-Identifier: Apache-2.0
// tests/differential/match_generator.h
// Random policies over every field, operator, quantifier and transformer, and
// random events that are likely to meet them.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::test {

// An event that is what somebody says it is.
class MadeEvent final : public FieldSource {
 public:
  std::map<std::pair<FieldId, std::string>, std::vector<Value>> values;

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    const auto found = values.find({field, std::string(argument)});
    return found == values.end() ? std::vector<Value>() : found->second;
  }
};

// For messages.
std::string describe(const MadeEvent& event);

class MatchGenerator {
 public:
  explicit MatchGenerator(std::uint64_t seed) : random_(seed) {}

  // Some rules over a few fields, so that they have checks in common.
  CompiledPolicy policy();
  // For the policy made last.
  MadeEvent event();

  std::int64_t between(std::int64_t low, std::int64_t high);  // inclusive
  bool chance(int percent) { return between(1, 100) <= percent; }

  // What checks have been made so far.
  using Cell = std::tuple<FieldType, Op, Quantifier>;
  const std::set<Cell>& cells() const { return cells_; }

 private:
  List list(FieldType type, bool is_long);
  std::vector<FieldReference> some_fields();
  std::string argument_of(const Field& field);
  Expr condition(int depth);
  Op operator_of(FieldType type);
  Expr check();
  Expr term_check();
  Term text_term(int depth);
  FieldReference text_field();
  Value value(FieldType type);
  Value operand(FieldType type, Op op);
  std::string text();
  std::int64_t number();
  IpAddress address();
  IpNetwork network();
  IpEndpoint endpoint();
  template <typename AnyCheck>
  void add_operands(FieldType type, AnyCheck& check);
  template <typename T>
  const T& one_of(const std::vector<T>& items) {
    return items[static_cast<std::size_t>(
        between(0, static_cast<std::int64_t>(items.size()) - 1))];
  }

  std::mt19937_64 random_;
  std::vector<FieldReference> fields_;
  std::set<Cell> cells_;
};

}  // namespace bailiff::test
