// SPDX-License-Identifier: Apache-2.0
// Which event types a condition leaves possible.
#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "rules/fields/event_type.h"
#include "rules/types/check.h"

namespace bailiff {
namespace {

using EventSet = std::vector<bool>;  // by index in all_event_types()

EventSet everything() { return EventSet(all_event_types().size(), true); }
EventSet nothing() { return EventSet(all_event_types().size(), false); }

// The events a condition may hold for, and those it may fail for.  Both are
// upper bounds.
struct Possible {
  EventSet holds;
  EventSet fails;
};

void unite(EventSet& set, const EventSet& other) {
  for (std::size_t i = 0; i < set.size(); ++i) set[i] = set[i] || other[i];
}
void intersect(EventSet& set, const EventSet& other) {
  for (std::size_t i = 0; i < set.size(); ++i) set[i] = set[i] && other[i];
}
EventSet complement(EventSet set) {
  set.flip();
  return set;
}

class Analysis {
 public:
  explicit Analysis(const std::vector<ListDefinition>& lists) : lists_(lists) {}

  Possible operator()(const Constant& node) const {
    if (node.value) return {.holds = everything(), .fails = nothing()};
    return {.holds = nothing(), .fails = everything()};
  }

  Possible operator()(const Check& node) const {
    if (node.field == FieldId::kEvtType) {
      if (node.op == Op::kEq || node.op == Op::kIn) {
        const EventSet set = named(node);
        return {.holds = set, .fails = complement(set)};
      }
      if (node.op == Op::kNe) {
        const EventSet set = named(node);
        return {.holds = complement(set), .fails = set};
      }
    }
    // Events are counted from 1: the convention for "never".
    const bool never = node.field == FieldId::kEvtNum && node.op == Op::kEq &&
                       node.values == std::vector<Value>{std::int64_t{0}};
    return {.holds = never ? nothing() : everything(), .fails = everything()};
  }

  Possible operator()(const Not& node) const {
    Possible operand = of(*node.operand);
    std::swap(operand.holds, operand.fails);
    return operand;
  }

  Possible operator()(const And& node) const {
    Possible all = {.holds = everything(), .fails = nothing()};
    for (const Expr& operand : node.operands) {
      const Possible part = of(operand);
      intersect(all.holds, part.holds);
      unite(all.fails, part.fails);
    }
    return all;
  }

  Possible operator()(const Or& node) const {
    Possible any = {.holds = nothing(), .fails = everything()};
    for (const Expr& operand : node.operands) {
      const Possible part = of(operand);
      unite(any.holds, part.holds);
      intersect(any.fails, part.fails);
    }
    return any;
  }

  Possible of(const Expr& expr) const { return std::visit(*this, expr.node); }

 private:
  void add(EventSet& set, std::string_view name) const {
    if (const auto index = find_event_type(name)) set[*index] = true;
  }

  EventSet named(const Check& node) const {
    EventSet set = nothing();
    for (const Value& value : node.values) {
      if (const auto* name = std::get_if<std::string>(&value)) add(set, *name);
    }
    std::vector<std::uint32_t> pending = node.lists;
    std::unordered_set<std::uint32_t> visited;
    while (!pending.empty()) {
      const std::uint32_t list = pending.back();
      pending.pop_back();
      if (!visited.insert(list).second) continue;
      for (const PlacedText& item : lists_[list].items) add(set, item.text);
      pending.insert(pending.end(), lists_[list].includes.begin(),
                     lists_[list].includes.end());
    }
    return set;
  }

  const std::vector<ListDefinition>& lists_;
};

}  // namespace

std::size_t event_type_count(const Expr& expr,
                             const std::vector<ListDefinition>& lists) {
  const EventSet set = Analysis(lists).of(expr).holds;
  return static_cast<std::size_t>(std::count(set.begin(), set.end(), true));
}

}  // namespace bailiff
