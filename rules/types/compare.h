// SPDX-License-Identifier: Apache-2.0
// rules/types/compare.h
// What an operator means for two values: falco-language, section 1.
#pragma once

#include <optional>
#include <string_view>

#include "rules/fields/field.h"
#include "rules/types/expr.h"
#include "rules/types/value.h"

namespace bailiff {

// Whether `value OP operand` holds.  Null on either side never does, nor do
// two values of different types, nor an operator the type does not have.
// Addresses of different families are unequal.  An address equals a network,
// and is in it, when the network contains it.  Strings are bytes, compared
// unsigned; kIcontains folds ASCII only.  kExists holds for all but Null; kIn
// with one operand is kEq.
bool compare(Op op, const Value& value, const Value& operand);

// An item of a list as the operand of a check on a field of `type`: the text
// itself, a base-10 number, true or false, an address, or a network whose host
// bits are cleared.  nullopt when it is none.
std::optional<Value> parse_item(FieldType type, std::string_view item);

}  // namespace bailiff
