// SPDX-License-Identifier: Apache-2.0
// Folding what is known into a condition changes nothing of what it means.
#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/lower/lower.h"
#include "tests/harness/expr.h"
#include "tests/harness/seed.h"

namespace bailiff {
namespace {

using test::FakeEvent;

constexpr int kConditions = 20'000;
constexpr int kEventsEach = 5;

// Facts of a container, and what is only known of an event.
constexpr FieldId kFacts[] = {FieldId::kContainerName,
                              FieldId::kContainerImageRepository,
                              FieldId::kK8sNsName};
constexpr FieldId kOthers[] = {FieldId::kProcName, FieldId::kProcPname};
constexpr const char* kTexts[] = {"a", "b", "ab", "A", "/a/b", "a*"};
constexpr Op kOperators[] = {
    Op::kExists, Op::kEq,       Op::kNe,        Op::kLt,         Op::kGe,
    Op::kIn,     Op::kContains, Op::kIcontains, Op::kStartswith, Op::kEndswith,
    Op::kGlob,   Op::kIglob,    Op::kRegex,     Op::kIntersects, Op::kPmatch,
};

class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed) : random_(seed) {}

  Expr condition(int depth) {
    const int kind = depth > 0 ? below(8) : 0;
    if (kind < 3) return chance(15) ? terms() : check();
    if (kind == 3) return {Not{condition(depth - 1)}};
    std::vector<Expr> operands;
    for (int i = below(3); i >= 0; --i)
      operands.push_back(condition(depth - 1));
    if (kind < 6) return {And{std::move(operands)}};
    return {Or{std::move(operands)}};
  }

  // Some facts, told to both; a fact may be that the field has no value.
  Facts facts(FakeEvent& event) {
    Facts facts;
    facts.complete = chance(50);
    for (const FieldId id : kFacts) {
      if (chance(40)) continue;
      const std::string name(field(id).name);
      if (chance(20)) {
        facts.values[name] = {};
      } else {
        facts.values[name] = {text()};
        event.with(id, facts.values[name]);
      }
    }
    return facts;
  }

  void fill(FakeEvent& event, const Facts& facts) {
    event.with(FieldId::kEvtNum, {std::int64_t{1 + below(3)}});
    for (const FieldId id : kOthers) {
      if (chance(75)) event.with(id, {text()});
    }
    if (facts.complete) return;
    for (const FieldId id : kFacts) {
      const bool known = facts.values.contains(field(id).name);
      if (!known && chance(75)) event.with(id, {text()});
    }
  }

 private:
  int below(int bound) {
    return std::uniform_int_distribution<int>(0, bound - 1)(random_);
  }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T, std::size_t N>
  T one_of(const T (&all)[N]) {
    return all[below(static_cast<int>(N))];
  }
  std::string text() { return one_of(kTexts); }
  FieldId any_field() { return chance(60) ? one_of(kFacts) : one_of(kOthers); }

  Expr check() {
    if (chance(5)) {
      return test::check(FieldId::kEvtNum, chance(50) ? Op::kEq : Op::kGe,
                         {std::int64_t{below(3)}});
    }
    Check check;
    check.field = any_field();
    check.op = one_of(kOperators);
    const bool set = takes_many(check.op, Quantifier::kNone);
    if (check.op == Op::kExists) return {check};
    if (!set && chance(20)) {
      constexpr Quantifier kQuantifiers[] = {
          Quantifier::kOneof, Quantifier::kAnyof, Quantifier::kAllof};
      check.quantifier = one_of(kQuantifiers);
    }
    const bool many = takes_many(check.op, check.quantifier);
    for (int i = many ? below(3) : 1; i > 0; --i) {
      check.values.emplace_back(text());
    }
    if (many && chance(30)) check.lists = {0};
    return {check};
  }

  Expr terms() {
    const auto reference = [&] {
      return Term{FieldReference{any_field(), ""}};
    };
    TermCheck check;
    check.left = {CallTerm{
        .transform = chance(50) ? Transform::kTolower : Transform::kBasename,
        .arguments = {reference()}}};
    check.op = chance(50) ? Op::kEq : Op::kNe;
    if (chance(50)) {
      check.right = {reference()};
    } else {
      check.values = {text()};
    }
    return {check};
  }

  std::mt19937_64 random_;
};

TEST(Fold, MeansTheSameOnRandomConditions) {
  RandomWorld world(test::random_seed());
  const std::vector<List> lists = {
      {.name = "l", .items = {"a", "/a"}, .includes = {}}};
  int held = 0;
  for (int i = 0; i < kConditions; ++i) {
    const Expr condition = world.condition(4);
    FakeEvent known;
    const Facts facts = world.facts(known);
    const Expr folded = fold(condition, facts, lists);
    const ListIndex before(condition, lists);
    const ListIndex after(folded, lists);
    for (int event_number = 0; event_number < kEventsEach; ++event_number) {
      FakeEvent event = known;
      world.fill(event, facts);
      const bool expected = evaluate(condition, event, before);
      held += expected ? 1 : 0;
      ASSERT_EQ(evaluate(folded, event, after), expected)
          << to_string(condition, {"l"}) << "\n"
          << to_string(folded, {"l"});
    }
  }
  // Conditions that always or never hold would prove nothing.
  EXPECT_GT(held, kConditions * kEventsEach / 10);
  EXPECT_LT(held, kConditions * kEventsEach * 9 / 10);
}

}  // namespace
}  // namespace bailiff
