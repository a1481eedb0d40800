// SPDX-License-Identifier: Apache-2.0
// tests/harness/expr.h
// Conditions and events, written by hand.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/eval/evaluate.h"
#include "rules/types/expr.h"

namespace bailiff::test {

inline Expr check(FieldId field, Op op, std::vector<Value> values = {},
                  std::vector<std::uint32_t> lists = {}) {
  Check check;
  check.field = field;
  check.op = op;
  check.values = std::move(values);
  check.lists = std::move(lists);
  return {std::move(check)};
}
inline Expr constant(bool value) { return {Constant{value}}; }
inline Expr negated(Expr operand) { return {Not{std::move(operand)}}; }
inline Expr all_of(std::vector<Expr> operands) {
  return {And{std::move(operands)}};
}
inline Expr any_of(std::vector<Expr> operands) {
  return {Or{std::move(operands)}};
}
inline Expr event_is(std::string type) {
  return check(FieldId::kEvtType, Op::kEq, {std::move(type)});
}
// evt.arg of that name or place.
inline Expr parameter(std::string name, Op op, std::vector<Value> values) {
  Check check;
  check.field = FieldId::kEvtArg;
  check.argument = std::move(name);
  check.op = op;
  check.values = std::move(values);
  return {std::move(check)};
}
// Preconditions: the text is one.
inline IpAddress address(std::string_view text) { return *parse_address(text); }
inline IpNetwork network(std::string_view text) { return *parse_network(text); }

class FakeEvent final : public FieldSource {
 public:
  FakeEvent& with(FieldId field, std::vector<Value> values) {
    values_[field] = std::move(values);
    return *this;
  }
  std::vector<Value> extract(FieldId field,
                             std::string_view /*argument*/) const override {
    const auto found = values_.find(field);
    if (found == values_.end()) return {};
    return found->second;
  }

 private:
  std::map<FieldId, std::vector<Value>> values_;
};

}  // namespace bailiff::test
