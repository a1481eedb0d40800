// SPDX-License-Identifier: Apache-2.0
// rules/eval/prepared_check.h
// Checks as the matcher asks them: operands parsed, hashed and compiled once.
// Each means what evaluate() says the check means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "rules/eval/operand_sets.h"
#include "rules/eval/path_set.h"
#include "rules/eval/value_view.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/compare.h"
#include "rules/types/expr.h"
#include "rules/types/regex.h"

namespace bailiff {

struct Exists {};
struct BoolIs {
  bool operand = false;
  bool negated = false;
};
struct NumberIs {
  // The numbers of 64 bits that satisfy it, or with `negated` those that do
  // not; the other ones are compared.
  std::int64_t least = 0;
  std::int64_t greatest = 0;
  bool negated = false;
  Op op = Op::kEq;
  std::int64_t operand = 0;
};
struct TextIs {
  enum class How : std::uint8_t {
    kWhole,
    kNotWhole,
    kPart,
    kPartInAnyCase,
    kBegin,
    kEnd,
  };
  How how = How::kWhole;
  std::string operand;
};
struct GlobMatches {
  std::unique_ptr<const Value> pattern;
  std::uint32_t prefix = 0;  // so many of its bytes every match begins with
  Op op = Op::kGlob;
};
struct RegexMatches {
  Regex regex;
};
// One of several sets: most checks have but one.
template <typename Set>
struct In {
  const Set* set = nullptr;
  std::vector<const Set*> more;
  bool negated = false;
};
// Whether an operand is an address with a port.
bool has_endpoints(const In<AddressSet>& in);
// Operands one after the other.
class OperandList final : public Operands {
 public:
  std::vector<Value> values;
  std::vector<const std::vector<Value>*> lists;

  bool contains(const Value& value) const override;
  void for_each(const std::function<bool(const Value&)>& visit) const override;
};
// What one value of a field must be.
using Requirement =
    std::variant<Exists, BoolIs, NumberIs, TextIs, GlobMatches, RegexMatches,
                 In<TextSet>, In<PathSet>, In<NumberSet>, In<AddressSet>>;

struct PreparedCheck {
  Requirement requirement;
  bool every = false;  // of all values, and there must be one; else of one

  // For what the field extracted.
  bool holds(std::span<ExtractedValue> values) const;
};

// How dear a check is, in nanoseconds or so, and how often it holds: guesses
// that only decide what is asked first.
struct Estimate {
  double cost = 1;
  double holds = 0.5;
};
Estimate estimate(const PreparedCheck& check);

// Prepares checks, and keeps the sets their operands are in: it must live as
// long as they do.
class CheckPreparer {
 public:
  // `lists`, which checks refer to, are borrowed until the last check is
  // prepared.
  explicit CheckPreparer(const std::vector<List>& lists) : lists_(lists) {}
  CheckPreparer(const CheckPreparer&) = delete;
  CheckPreparer& operator=(const CheckPreparer&) = delete;

  // nullopt for what is asked so seldom that evaluate() may be asked.
  std::optional<PreparedCheck> prepare(const Check& check);

  // The values, and the items of the lists as operands of `op` on values of
  // `type`.
  OperandList operands(const std::vector<Value>& values,
                       const std::vector<std::uint32_t>& lists, Op op,
                       FalcoType type);

 private:
  // Lists up to this long are copied into the set of each check that names
  // them, so that there is one set to ask; longer ones are shared …
  static constexpr std::size_t kShortList = 256;
  // … and all, once the copies together have as many items as these.
  static constexpr std::size_t kMostCopied = 1U << 20;

  template <typename Set>
  struct Store {
    std::deque<Set> sets;  // their places do not change
    std::map<std::pair<std::uint32_t, FalcoType>, const Set*> of_lists;
  };

  std::optional<Requirement> requirement(const Check& check);
  template <typename Set>
  In<Set> membership(const Check& check, FalcoType type, Store<Set>& store);
  template <typename Set>
  const Set* set_of(std::uint32_t list, FalcoType type, Store<Set>& store);
  template <typename Set>
  void copy(std::uint32_t list, FalcoType type, Set& set) const;
  bool is_short(std::uint32_t list) const;

  const std::vector<List>& lists_;
  Store<TextSet> texts_;
  Store<NumberSet> numbers_;
  Store<AddressSet> addresses_;
  Store<PathSet> paths_;
  // By list, type, and whether the items are hexadecimal.
  std::map<std::tuple<std::uint32_t, FalcoType, bool>, std::vector<Value>>
      operands_;
  std::size_t copied_ = 0;
};

}  // namespace bailiff
