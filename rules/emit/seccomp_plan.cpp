// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/seccomp_plan.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <utility>

#include "rules/lower/fold.h"
#include "rules/lower/held.h"
#include "rules/lower/observed.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

constexpr int kArgumentBits = 32;

// Whether the check is on this parameter, by its name or its place.
bool names(const Check& check, const NamedArgument& argument) {
  if (check.field != FieldId::kEvtArg) return false;
  return parameter_name(argument.call, check.argument) == argument.parameter;
}

// The flags a check can tell apart; nullopt: it is not that simple.  The text
// of a value is the names of its flags with '|' between them, so that it
// contains a text without '|' when one of the names does.
std::optional<std::uint64_t> flags_of(const Check& check,
                                      const NamedArgument& argument) {
  if (check.op != Op::kContains && check.op != Op::kIcontains) {
    return std::nullopt;
  }
  if (!check.lists.empty()) return std::nullopt;
  std::uint64_t flags = 0;
  for (const Value& operand : check.values) {
    const auto* text = std::get_if<std::string>(&operand);
    // Of a value without flags the text is its number.
    if (text == nullptr || text->find('|') != text->npos ||
        text->find_first_not_of("0123456789") == text->npos) {
      return std::nullopt;
    }
    for (const std::uint64_t flag : argument.named) {
      if (!compare(check.op, Value(argument.text(flag)), operand)) continue;
      if (!std::has_single_bit(flag)) return std::nullopt;
      flags |= flag;
    }
  }
  return flags;
}

class Planner {
 public:
  Planner(const std::vector<List>& lists, std::vector<Expr> conditions,
          const NamedArgument* argument)
      : lists_(lists),
        conditions_(std::move(conditions)),
        argument_(argument) {}

  std::vector<SeccompCell> cells() const {
    std::vector<SeccompCell> cells;
    if (argument_ == nullptr) {
      cells = {{.verdict = verdict({})}};
    } else {
      switch (argument_->kind) {
        case NamedArgument::kChoice:
          cells = choices(0, kArgumentBits, argument_->named);
          break;
        case NamedArgument::kFlags:
          cells = combinations();
          break;
      }
    }
    const bool all_one =
        std::all_of(cells.begin(), cells.end(), [&](const SeccompCell& cell) {
          return cell.verdict == cells.front().verdict;
        });
    if (all_one) cells = {{.verdict = cells.front().verdict}};
    return cells;
  }

 private:
  // Of a call whose argument reads as `text`; nullopt: as anything.
  SeccompVerdict verdict(const std::optional<std::string>& text) const {
    Decide decide = decide_nothing();
    if (text) {
      decide.check = [&](const Check& check) -> std::optional<bool> {
        if (!names(check, *argument_)) return std::nullopt;
        if (argument_->kind == NamedArgument::kFlags &&
            !flags_of(check, *argument_)) {
          return std::nullopt;
        }
        return holds(check, {Value(*text)}, lists_);
      };
    }
    SeccompVerdict strongest = SeccompVerdict::kPass;
    for (const Expr& condition : conditions_) {
      const Expr left = simplify(condition, decide);
      if (is_true(left)) return SeccompVerdict::kRefuse;
      if (!is_false(left)) strongest = SeccompVerdict::kHold;
    }
    return strongest;
  }

  // Of the values that begin with `prefix` and have `open` more bits, of which
  // these have a name.
  std::vector<SeccompCell> choices(std::uint64_t prefix, int open,
                                   std::span<const std::uint64_t> named) const {
    const std::uint64_t all = (std::uint64_t{1} << kArgumentBits) - 1;
    SeccompCell whole{.mask = all & ~((std::uint64_t{1} << open) - 1),
                      .bits = prefix};
    if (named.empty()) {
      whole.verdict = verdict({});
      return {whole};
    }
    if (open == 0) {
      whole.verdict = verdict(argument_->text(prefix));
      return {whole};
    }
    const std::uint64_t upper = prefix | (std::uint64_t{1} << (open - 1));
    const auto split = static_cast<std::size_t>(
        std::lower_bound(named.begin(), named.end(), upper) - named.begin());
    std::vector<SeccompCell> cells =
        choices(prefix, open - 1, named.first(split));
    const std::vector<SeccompCell> above =
        choices(upper, open - 1, named.subspan(split));
    if (cells.size() == 1 && above.size() == 1 &&
        cells.front().verdict == above.front().verdict) {
      whole.verdict = cells.front().verdict;
      return {whole};
    }
    cells.insert(cells.end(), above.begin(), above.end());
    return cells;
  }

  std::vector<SeccompCell> combinations() const {
    std::uint64_t tested = 0;
    for (const Expr& condition : conditions_) {
      for (const Leaf& leaf : leaves_of(condition)) {
        if (leaf.check == nullptr || !names(*leaf.check, *argument_)) continue;
        tested |= flags_of(*leaf.check, *argument_).value_or(0);
      }
    }
    if (static_cast<std::size_t>(std::popcount(tested)) > kMaxTestedFlags) {
      return {{.verdict = verdict({})}};
    }
    std::vector<SeccompCell> cells;
    // Every subset of the tested flags, from none on.
    std::uint64_t flags = 0;
    do {
      cells.push_back({.mask = tested,
                       .bits = flags,
                       .verdict = verdict(argument_->text(flags))});
      flags = (flags - tested) & tested;
    } while (flags != 0);
    return cells;
  }

  const std::vector<List>& lists_;
  const std::vector<Expr> conditions_;
  const NamedArgument* const argument_;
};

}  // namespace

std::vector<SeccompCall> plan_seccomp(
    const CompiledPolicy& policy, const HeldCalls& held, const Facts& facts,
    const std::vector<NamedArgument>& arguments) {
  std::vector<SeccompCall> calls;
  for (int i = 0; i < BAILIFF_CALL_COUNT; ++i) {
    const auto call = static_cast<bailiff_call>(i);
    if ((held.calls & bit_of(call)) == 0) continue;
    std::vector<Expr> conditions;
    for (std::size_t rule = 0; rule < held.rules.size(); ++rule) {
      if ((held.rule_calls[rule] & bit_of(call)) == 0) continue;
      conditions.push_back(simplify(
          fold(policy.rules[held.rules[rule]].condition, facts, policy.lists),
          known_of_held(call, policy.lists)));
    }
    const auto argument = std::find_if(
        arguments.begin(), arguments.end(),
        [&](const NamedArgument& one) { return one.call == call; });
    const NamedArgument* const named =
        argument == arguments.end() ? nullptr : &*argument;
    SeccompCall planned{
        .call = call,
        .argument = named == nullptr ? std::uint8_t{0} : named->argument,
        .cells = Planner(policy.lists, std::move(conditions), named).cells()};
    if (planned.cells.size() == 1 &&
        planned.cells.front().verdict == SeccompVerdict::kPass) {
      continue;
    }
    calls.push_back(std::move(planned));
  }
  return calls;
}

}  // namespace bailiff
