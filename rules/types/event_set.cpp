// SPDX-License-Identifier: Apache-2.0
#include "rules/types/event_set.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "rules/fields/event_type.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

// A set of event types in words, since every node of every condition has one.
class Bits {
 public:
  static Bits none() { return Bits(std::vector<std::uint64_t>(words())); }
  static Bits all() {
    Bits bits = none();
    bits.flip();
    return bits;
  }

  void add(std::size_t index) {
    words_[index / 64] |= std::uint64_t{1} << (index % 64);
  }
  bool has(std::size_t index) const {
    return (words_[index / 64] >> (index % 64) & 1) != 0;
  }
  void unite(const Bits& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      words_[i] |= other.words_[i];
    }
  }
  void intersect(const Bits& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      words_[i] &= other.words_[i];
    }
  }
  // Bits past the last event type come along; nobody asks for them.
  void flip() {
    for (std::uint64_t& word : words_) word = ~word;
  }

 private:
  explicit Bits(std::vector<std::uint64_t> words) : words_(std::move(words)) {}
  static std::size_t words() { return (all_event_types().size() + 63) / 64; }

  std::vector<std::uint64_t> words_;
};

// The events a condition may hold for, and those it may fail for.  Both are
// upper bounds.
struct Possible {
  Bits holds;
  Bits fails;
};

Possible anything() { return {.holds = Bits::all(), .fails = Bits::all()}; }

class Analysis {
 public:
  explicit Analysis(const ListItems& items) : items_(items) {}

  Possible operator()(const Constant& node) const {
    if (node.value) return {.holds = Bits::all(), .fails = Bits::none()};
    return {.holds = Bits::none(), .fails = Bits::all()};
  }

  Possible operator()(const Check& node) const {
    if (node.field == FieldId::kEvtType) return of_event_type(node);
    // Of what is no system call it extracts nothing, but that is not told here.
    if (node.field == FieldId::kSyscallType) {
      Possible possible = of_event_type(node);
      possible.fails = Bits::all();
      return possible;
    }
    // Events are counted from 1: the convention for "never".
    const bool never = node.field == FieldId::kEvtNum && node.op == Op::kEq &&
                       node.values == std::vector<Value>{std::int64_t{0}};
    Possible possible = anything();
    if (never) possible.holds = Bits::none();
    return possible;
  }

  // Whatever is compared, no term is of an event's type.
  Possible operator()(const TermCheck&) const { return anything(); }

  Possible operator()(const Not& node) const {
    Possible operand = of(*node.operand);
    std::swap(operand.holds, operand.fails);
    return operand;
  }

  Possible operator()(const And& node) const {
    Possible all = {.holds = Bits::all(), .fails = Bits::none()};
    for (const Expr& operand : node.operands) {
      const Possible part = of(operand);
      all.holds.intersect(part.holds);
      all.fails.unite(part.fails);
    }
    return all;
  }

  Possible operator()(const Or& node) const {
    Possible any = {.holds = Bits::none(), .fails = Bits::all()};
    for (const Expr& operand : node.operands) {
      const Possible part = of(operand);
      any.holds.unite(part.holds);
      any.fails.intersect(part.fails);
    }
    return any;
  }

  Possible of(const Expr& expr) const { return std::visit(*this, expr.node); }

 private:
  // The names a check compares with.
  class Names : public Operands {
   public:
    explicit Names(std::vector<Value> names) : names_(std::move(names)) {}
    bool contains(const Value& value) const override {
      return std::find(names_.begin(), names_.end(), value) != names_.end();
    }
    void for_each(
        const std::function<bool(const Value&)>& visit) const override {
      for (const Value& name : names_) {
        if (!visit(name)) return;
      }
    }
    const std::vector<Value>& all() const { return names_; }

   private:
    std::vector<Value> names_;
  };

  Possible of_event_type(const Check& node) const {
    std::vector<Value> values = node.values;
    for (const std::uint32_t list : node.lists) {
      for (std::string& item : items_(list)) values.emplace_back(item);
    }
    const Names names(std::move(values));
    Bits holds = node.quantifier == Quantifier::kNone ? named(node.op, names)
                                                      : compared(node, names);
    Bits fails = holds;
    fails.flip();
    return {.holds = std::move(holds), .fails = std::move(fails)};
  }

  // The usual operators, without asking for each event type.
  static Bits named(Op op, const Names& names) {
    if (op == Op::kExists) return Bits::all();
    const bool set = op == Op::kEq || op == Op::kNe || op == Op::kIn ||
                     op == Op::kIntersects;
    if (!set) {
      Check check;
      check.op = op;
      return compared(check, names);
    }
    Bits bits = Bits::none();
    for (const Value& name : names.all()) {
      const auto index = find_event_type(std::get<std::string>(name));
      if (index) bits.add(*index);
    }
    if (op == Op::kNe) bits.flip();
    return bits;
  }

  static Bits compared(const Check& check, const Names& names) {
    Bits bits = Bits::none();
    for (std::size_t i = 0; i < all_event_types().size(); ++i) {
      const Value name = std::string(all_event_types()[i].name);
      if (holds(check.op, check.quantifier, Several::kAny, {name}, names)) {
        bits.add(i);
      }
    }
    return bits;
  }

  const ListItems& items_;
};

}  // namespace

EventSet possible_events(const Expr& expr, const ListItems& items) {
  const Bits holds = Analysis(items).of(expr).holds;
  EventSet events(all_event_types().size());
  for (std::size_t i = 0; i < events.size(); ++i) events[i] = holds.has(i);
  return events;
}

std::size_t count(const EventSet& events) {
  return static_cast<std::size_t>(
      std::count(events.begin(), events.end(), true));
}

}  // namespace bailiff
