// SPDX-License-Identifier: Apache-2.0
// tests/differential/generator.h
// Random typed conditions, and random events that are likely to meet them:
// both draw from the same small pools of values.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "rules/abi/event.h"
#include "rules/eval/evaluate.h"
#include "rules/lower/lower.h"
#include "rules/types/expr.h"

namespace bailiff::test {

using Cell = std::pair<FieldId, Op>;

// Whether the operator means anything for values of the type; the others are
// refused when a rule is loaded.
bool has_operator(FieldType type, Op op);
std::vector<Op> all_operators();

// An event with what the sidecar would know of it.  The test's own idea of
// what each field is, written without the emitter's.
class Event final : public FieldSource {
 public:
  bailiff_test_event record{};
  // Fields the record does not hold.
  std::map<FieldId, Value> others;

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::vector<List> lists();
  // A condition over fields with any of the bits of `from`, at most `depth`
  // deep.  `lists` are of lists().
  Expr condition(std::uint8_t from, int depth);
  Event event();
  // So many addresses, or networks of lengths from `shortest` on, of a family.
  std::vector<std::string> addresses(std::uint8_t family, std::size_t count);
  std::vector<std::string> networks(std::uint8_t family, std::size_t count,
                                    int shortest);
  // So many with ports, some of one address, or of two that meet.
  std::vector<std::string> endpoints(std::uint8_t family, std::size_t count);
  // An event at, or next to, an end of the address or network.
  Event event_near(const std::string& item);
  // Of a container, complete; event() of such a container is to say the same.
  Facts facts();

  // Inclusive.
  std::int64_t between(std::int64_t low, std::int64_t high);
  bool chance(int percent) { return between(1, 100) <= percent; }

  // The cells condition() has made so far.
  const std::set<Cell>& cells() const { return cells_; }

 private:
  // `in_kernel`: one a program can decide.
  Check check(FieldId field, bool in_kernel);
  Value operand(FieldId field, Op op,
                Quantifier quantifier = Quantifier::kNone);
  IpAddress address();
  IpAddress address(std::uint8_t family);
  IpNetwork network();
  IpEndpoint endpoint();
  std::string name();
  std::string list_item(FieldType type);
  template <typename T, std::size_t size>
  const T& one_of(const T (&items)[size]) {
    return items[static_cast<std::size_t>(
        between(0, static_cast<std::int64_t>(size) - 1))];
  }

  std::mt19937_64 random_;
  std::set<Cell> cells_;
};

}  // namespace bailiff::test
