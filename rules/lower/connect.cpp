// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/connect.h"

#include <set>
#include <string>
#include <utility>

#include "rules/types/compare.h"

namespace bailiff {

std::optional<Value> constant_at_connect(FieldId id) {
  if (id == FieldId::kEvtType) return Value("connect");
  if (id == FieldId::kEvtDir) return Value("<");
  if (id == FieldId::kEvtRes) return Value("SUCCESS");
  if (id == FieldId::kEvtRawres) return Value(std::int64_t{0});
  return std::nullopt;
}

std::vector<Value> inline_operands(const Check& check,
                                   const std::vector<List>& lists) {
  std::vector<Value> operands;
  std::set<Value> seen;
  const auto add = [&](Value value) {
    if (seen.insert(value).second) operands.push_back(std::move(value));
  };
  for (const Value& value : check.values) add(value);

  const FieldType type = field(check.field).type;
  if (type == FieldType::kAddress || type == FieldType::kNetwork) {
    return operands;
  }
  for (const std::uint32_t list : check.lists) {
    for (const std::string& item : flatten(lists, list)) {
      if (auto value = parse_item(type, item)) add(*std::move(value));
    }
  }
  return operands;
}

}  // namespace bailiff
