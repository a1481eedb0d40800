// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/prepared_check.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace bailiff {
namespace {

// Whether the value is one of the sets'.
template <typename Set, typename Contains>
bool is_in(const In<Set>& required, const Contains& contains) {
  bool found = contains(*required.set);
  for (const Set* set : required.more) found = found || contains(*set);
  return found != required.negated;
}

// Whether a value is what is required.  Each is a function of its own, so that
// one check does not pay for what another needs on the stack.
bool satisfies(const Exists&, ExtractedValue&) { return true; }

[[gnu::noinline]] bool satisfies(const BoolIs& required,
                                 ExtractedValue& value) {
  const auto* truth = std::get_if<bool>(&value.view);
  return truth != nullptr && (*truth == required.operand) != required.negated;
}

[[gnu::noinline]] bool compared(const NumberIs& required,
                                const ValueView& view) {
  return compare(required.op, value_of(view), Value(required.operand));
}

[[gnu::noinline]] bool satisfies(const NumberIs& required,
                                 ExtractedValue& value) {
  const auto* number = std::get_if<std::int64_t>(&value.view);
  if (number == nullptr) return compared(required, value.view);
  const bool inside = required.least <= *number && *number <= required.greatest;
  return inside != required.negated;
}

[[gnu::noinline]] bool satisfies(const TextIs& required,
                                 ExtractedValue& value) {
  const auto* text = std::get_if<std::string_view>(&value.view);
  if (text == nullptr) return false;
  switch (required.how) {
    case TextIs::How::kWhole:
      return *text == required.operand;
    case TextIs::How::kNotWhole:
      return *text != required.operand;
    case TextIs::How::kPart:
      return text->find(required.operand) != std::string_view::npos;
    case TextIs::How::kPartInAnyCase:
      return contains_ignoring_case(*text, required.operand);
    case TextIs::How::kBegin:
      return text->starts_with(required.operand);
    case TextIs::How::kEnd:
      return text->ends_with(required.operand);
  }
  return false;
}

[[gnu::noinline]] bool satisfies(const GlobMatches& required,
                                 ExtractedValue& value) {
  const auto* text = std::get_if<std::string_view>(&value.view);
  if (text == nullptr) return false;
  const std::string_view pattern(
      *std::get_if<std::string>(required.pattern.get()));
  return text->starts_with(pattern.substr(0, required.prefix)) &&
         compare(required.op, value_of(value.view), *required.pattern);
}

[[gnu::noinline]] bool satisfies(const RegexMatches& required,
                                 ExtractedValue& value) {
  const auto* text = std::get_if<std::string_view>(&value.view);
  return text != nullptr && required.regex.matches(*text);
}

[[gnu::noinline]] bool satisfies(const In<TextSet>& required,
                                 ExtractedValue& value) {
  const auto* text = std::get_if<std::string_view>(&value.view);
  if (text == nullptr) return false;
  const std::uint64_t hash = value.hash_of(*text);
  return is_in(required,
               [&](const TextSet& set) { return set.contains(*text, hash); });
}

[[gnu::noinline]] bool satisfies(const In<PathSet>& required,
                                 ExtractedValue& value) {
  const auto* text = std::get_if<std::string_view>(&value.view);
  return text != nullptr && is_in(required, [&](const PathSet& set) {
           return set.contains(*text);
         });
}

[[gnu::noinline]] bool satisfies(const In<NumberSet>& required,
                                 ExtractedValue& value) {
  return is_in(required,
               [&](const NumberSet& set) { return set.contains(value.view); });
}

[[gnu::noinline]] bool satisfies(const In<AddressSet>& required,
                                 ExtractedValue& value) {
  if (const auto* address = std::get_if<IpAddress>(&value.view)) {
    return is_in(required,
                 [&](const AddressSet& set) { return set.contains(*address); });
  }
  const auto* endpoint = std::get_if<IpEndpoint>(&value.view);
  return endpoint != nullptr && is_in(required, [&](const AddressSet& set) {
           return set.contains(*endpoint);
         });
}

// nullopt for an operator numbers do not have.
std::optional<NumberIs> number_is(Op op, std::int64_t operand) {
  using Limits = std::numeric_limits<std::int64_t>;
  NumberIs check = {.least = Limits::min(),
                    .greatest = Limits::max(),
                    .op = op,
                    .operand = operand};
  switch (op) {
    case Op::kEq:
    case Op::kNe:
      check.least = check.greatest = operand;
      check.negated = op == Op::kNe;
      return check;
    case Op::kLt:
    case Op::kGe:
      check.least = operand;
      check.negated = op == Op::kLt;
      return check;
    case Op::kLe:
    case Op::kGt:
      check.greatest = operand;
      check.negated = op == Op::kGt;
      return check;
    case Op::kExists:
    case Op::kIn:
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
    case Op::kIntersects:
    case Op::kBcontains:
    case Op::kBstartswith:
      break;
  }
  return std::nullopt;
}

// nullopt for an operator that is prepared in another way.
std::optional<TextIs::How> text_how(Op op) {
  switch (op) {
    case Op::kEq:
      return TextIs::How::kWhole;
    case Op::kNe:
      return TextIs::How::kNotWhole;
    case Op::kContains:
    case Op::kBcontains:
      return TextIs::How::kPart;
    case Op::kIcontains:
      return TextIs::How::kPartInAnyCase;
    case Op::kStartswith:
    case Op::kBstartswith:
      return TextIs::How::kBegin;
    case Op::kEndswith:
      return TextIs::How::kEnd;
    case Op::kExists:
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
    case Op::kIn:
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
    case Op::kIntersects:
      break;
  }
  return std::nullopt;
}

// How many bytes of a pattern of fnmatch(3) stand for themselves.
std::uint32_t literal_prefix(const std::string& pattern) {
  const std::size_t end = pattern.find_first_of("*?[\\");
  return static_cast<std::uint32_t>(std::min(end, pattern.size()));
}

}  // namespace

bool PreparedCheck::holds(std::span<ExtractedValue> values) const {
  const auto satisfied = [&](ExtractedValue& value) {
    return std::visit(
        [&](const auto& required) { return satisfies(required, value); },
        requirement);
  };
  if (values.size() == 1) return satisfied(values[0]);
  for (ExtractedValue& value : values) {
    if (satisfied(value) != every) return !every;
  }
  return every && !values.empty();
}

bool has_endpoints(const In<AddressSet>& in) {
  return in.set->has_endpoints() ||
         std::any_of(in.more.begin(), in.more.end(), [](const AddressSet* set) {
           return set->has_endpoints();
         });
}

bool OperandList::contains(const Value& value) const {
  bool found = false;
  for_each([&](const Value& operand) {
    found = compare(Op::kEq, value, operand);
    return !found;
  });
  return found;
}

void OperandList::for_each(
    const std::function<bool(const Value&)>& visit) const {
  if (!std::all_of(values.begin(), values.end(), visit)) return;
  for (const std::vector<Value>* list : lists) {
    if (!std::all_of(list->begin(), list->end(), visit)) return;
  }
}

OperandList CheckPreparer::operands(const std::vector<Value>& values,
                                    const std::vector<std::uint32_t>& lists,
                                    Op op, FalcoType type) {
  OperandList operands;
  operands.values = values;
  const bool hexadecimal = op == Op::kBcontains || op == Op::kBstartswith;
  for (const std::uint32_t list : lists) {
    const auto [known, added] =
        operands_.try_emplace({list, type, hexadecimal});
    operands.lists.push_back(&known->second);
    if (!added) continue;
    for (const std::string& item : flatten(lists_, list)) {
      auto value = parse_operand(type, op, item);
      if (value) known->second.push_back(*std::move(value));
    }
  }
  return operands;
}

bool CheckPreparer::is_short(std::uint32_t list) const {
  std::size_t count = 0;
  for (const std::uint32_t each : with_included(lists_, list)) {
    count += lists_[each].items.size();
  }
  return count <= kShortList;
}

template <typename Set>
void CheckPreparer::copy(std::uint32_t list, FalcoType type, Set& set) const {
  for (const std::uint32_t each : with_included(lists_, list)) {
    for (const std::string& item : lists_[each].items) {
      const auto value = parse_operand(type, Op::kIn, item);
      if (value) set.insert(*value);
    }
  }
}

template <typename Set>
const Set* CheckPreparer::set_of(std::uint32_t list, FalcoType type,
                                 Store<Set>& store) {
  const Set*& known = store.of_lists[{list, type}];
  if (known != nullptr) return known;
  Set& set = store.sets.emplace_back();
  copy(list, type, set);
  set.finish();
  known = &set;
  return known;
}

template <typename Set>
In<Set> CheckPreparer::membership(const Check& check, FalcoType type,
                                  Store<Set>& store) {
  In<Set> in;
  Set& own = store.sets.emplace_back();
  for (const Value& value : check.values) own.insert(value);
  for (const std::uint32_t list : check.lists) {
    if (copied_ < kMostCopied && is_short(list)) {
      copy(list, type, own);
      copied_ += kShortList;
    } else {
      in.more.push_back(set_of(list, type, store));
    }
  }
  own.finish();
  in.set = &own;
  return in;
}

std::optional<PreparedCheck> CheckPreparer::prepare(const Check& check) {
  const Several several = several_of(check.field);
  PreparedCheck prepared;
  if (check.op == Op::kExists) return prepared;
  prepared.every = (several == Several::kList && check.op == Op::kIn) ||
                   (several == Several::kBoth && check.op == Op::kNe);
  auto required = requirement(check);
  if (!required) return std::nullopt;
  prepared.requirement = *std::move(required);
  return prepared;
}

std::optional<Requirement> CheckPreparer::requirement(const Check& check) {
  const FalcoType type = value_type(check.field, check.argument);
  const std::vector<Value>& values = check.values;
  const bool is_set =
      check.op == Op::kIn || check.op == Op::kIntersects ||
      (check.op == Op::kEq && check.quantifier == Quantifier::kAnyof);
  const bool alone = check.quantifier == Quantifier::kNone &&
                     values.size() == 1 && check.lists.empty();
  if (!alone && !is_set && check.op != Op::kPmatch) return std::nullopt;
  if (check.quantifier != Quantifier::kNone &&
      check.quantifier != Quantifier::kAnyof) {
    return std::nullopt;
  }

  switch (field_type_of(type)) {
    case FieldType::kBool: {
      const auto* operand = alone ? std::get_if<bool>(values.data()) : nullptr;
      const bool identity = check.op == Op::kEq || check.op == Op::kNe;
      if (operand == nullptr || !identity) return std::nullopt;
      return BoolIs{.operand = *operand, .negated = check.op == Op::kNe};
    }
    case FieldType::kNumber:
    case FieldType::kDouble: {
      if (is_set) return membership(check, type, numbers_);
      const auto* operand =
          alone ? std::get_if<std::int64_t>(values.data()) : nullptr;
      if (operand == nullptr) return std::nullopt;
      return number_is(check.op, *operand);
    }
    case FieldType::kAddress:
    case FieldType::kNetwork: {
      const bool differs = alone && check.op == Op::kNe;
      if (!is_set && !differs && check.op != Op::kEq) return std::nullopt;
      In<AddressSet> in = membership(check, type, addresses_);
      in.negated = differs;
      return in;
    }
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
      break;
  }
  if (is_set) return membership(check, type, texts_);
  if (check.op == Op::kPmatch) return membership(check, type, paths_);
  const auto* operand = std::get_if<std::string>(values.data());
  if (operand == nullptr) return std::nullopt;
  if (const auto how = text_how(check.op)) {
    return TextIs{.how = *how, .operand = *operand};
  }
  if (check.op == Op::kGlob || check.op == Op::kIglob) {
    return GlobMatches{
        .pattern = std::make_unique<const Value>(*operand),
        .prefix = check.op == Op::kGlob ? literal_prefix(*operand) : 0,
        .op = check.op};
  }
  if (check.op != Op::kRegex) return std::nullopt;
  Result<Regex> regex = Regex::compile(*operand);
  if (!regex) return std::nullopt;
  return RegexMatches{*std::move(regex)};
}

Estimate estimate(const PreparedCheck& check) {
  struct Visitor {
    Estimate operator()(const Exists&) const { return {1, 0.9}; }
    Estimate operator()(const BoolIs&) const { return {2, 0.5}; }
    Estimate operator()(const NumberIs& form) const {
      const bool one = form.least == form.greatest;
      if (!one) return {2, 0.5};
      return {2, form.negated ? 0.95 : 0.05};
    }
    Estimate operator()(const TextIs& form) const {
      switch (form.how) {
        case TextIs::How::kWhole:
          return {3, 0.05};
        case TextIs::How::kNotWhole:
          return {3, 0.95};
        case TextIs::How::kPart:
          return {15, 0.05};
        case TextIs::How::kPartInAnyCase:
          return {100, 0.05};
        case TextIs::How::kBegin:
        case TextIs::How::kEnd:
          return {3, 0.05};
      }
      return {};
    }
    Estimate operator()(const GlobMatches& form) const {
      return {form.prefix == 0 ? 200.0 : 5.0, 0.05};
    }
    Estimate operator()(const RegexMatches&) const { return {300, 0.05}; }
    Estimate operator()(const In<TextSet>&) const { return {6, 0.1}; }
    Estimate operator()(const In<PathSet>&) const { return {50, 0.1}; }
    Estimate operator()(const In<NumberSet>&) const { return {5, 0.1}; }
    Estimate operator()(const In<AddressSet>& form) const {
      return {7, form.negated ? 0.9 : 0.1};
    }
  };
  return std::visit(Visitor{}, check.requirement);
}

}  // namespace bailiff
